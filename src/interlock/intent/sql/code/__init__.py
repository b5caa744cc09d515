"""Code that runs because of a statement: functions, bodies, triggers, and what is planted for later."""
