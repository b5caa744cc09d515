"""A bundle may decide once its own cases pass."""

from collections.abc import Mapping

from interlock.policy.bundle import Bundle, BundleRefused, Problem
from interlock.policy.casefile import read_cases
from interlock.policy.cases import run_cases
from interlock.policy.judge import Judge
from interlock.policy.lint import NOTHING_KNOWN, Known


def loaded(files: Mapping[str, str], known: Known = NOTHING_KNOWN) -> Judge:
    """A judge on a bundle that was activated elsewhere: who hands it over has run its cases. Raises BundleRefused."""
    return Judge(Bundle.load(files, known))


def activate(files: Mapping[str, str], known: Known = NOTHING_KNOWN) -> Judge:
    """A judge on the bundle of `files`, when it loads and every case in it comes out as written.

    Raises BundleRefused: the caller keeps the judge it has, and one without a judge denies everything.
    """
    judge = loaded(files, known)
    problems: list[Problem] = []
    for file, text in judge.bundle.cases.items():
        try:
            for result in run_cases(judge, read_cases(text)):
                problems += [Problem(file=file, policy=result.name, text=problem) for problem in result.problems]
        except ValueError as error:
            problems.append(Problem(file=file, policy=None, text=str(error)))
    if problems:
        raise BundleRefused(tuple(problems))
    return judge
