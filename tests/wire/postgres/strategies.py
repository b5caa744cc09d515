"""Any message of the protocol, each with the builder that writes it."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct, structs

from interlock.wire.postgres import messages as m

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
mechanisms = st.lists(st.text(st.characters(min_codepoint=1, max_codepoint=127), min_size=1), max_size=4).map(tuple)
data = st.binary(max_size=60)
values = st.lists(st.none() | data, max_size=5).map(tuple)
int16 = st.integers(-(2**15), 2**15 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
oid = st.integers(0, 2**32 - 1)
oids = st.lists(oid, max_size=5).map(tuple)
formats = st.lists(int16, max_size=5).map(tuple)
parts = st.sampled_from(m.Part)
secrets = st.binary(min_size=4, max_size=256)
fields = st.dictionaries(st.sampled_from("SVCMDHPpqWstcdnFLR"), text, max_size=8)

binds = st.builds(
    m.Bind,
    portal=text,
    statement=text,
    values=values,
    formats=st.lists(int16, max_size=1).map(tuple),
    result_formats=formats,
) | st.lists(st.tuples(st.none() | data, int16), max_size=5).map(
    lambda pairs: m.Bind(
        portal="", statement="", values=tuple(value for value, _ in pairs), formats=tuple(kind for _, kind in pairs)
    )
)

columns = st.lists(
    st.builds(
        m.ColumnDescription, name=text, table=oid, number=int16, type=oid, size=int16, modifier=int32, format=int16
    ),
    max_size=4,
).map(tuple)

Builder = Callable[..., bytes]
Reader = Callable[[bytes], Struct]
Case = tuple[st.SearchStrategy[Any], Builder, Reader]

CLIENT: dict[str, Case] = {
    "Query": (st.builds(m.Query, text=text), m.build_query, m.parse_client),
    "Parse": (st.builds(m.Parse, statement=text, text=text, types=oids), m.build_parse, m.parse_client),
    "Bind": (binds, m.build_bind, m.parse_client),
    "Describe": (st.builds(m.Describe, part=parts, name=text), m.build_describe, m.parse_client),
    "Execute": (st.builds(m.Execute, portal=text, rows=int32), m.build_execute, m.parse_client),
    "Close": (st.builds(m.Close, part=parts, name=text), m.build_close, m.parse_client),
    "Flush": (st.builds(m.Flush), m.build_flush, m.parse_client),
    "Sync": (st.builds(m.Sync), m.build_sync, m.parse_client),
    "FunctionCall": (
        st.builds(m.FunctionCall, function=oid, arguments=values, formats=formats, result_format=int16),
        m.build_function_call,
        m.parse_client,
    ),
    "CopyData": (st.builds(m.CopyData, data=data), m.build_copy_data, m.parse_client),
    "CopyDone": (st.builds(m.CopyDone), m.build_copy_done, m.parse_client),
    "CopyFail": (st.builds(m.CopyFail, reason=text), m.build_copy_fail, m.parse_client),
    "Terminate": (st.builds(m.Terminate), m.build_terminate, m.parse_client),
    "PasswordMessage": (st.builds(m.Password, text=text), m.build_password, m.parse_password),
    "SASLInitialResponse": (
        st.builds(m.SaslInitial, mechanism=text, response=st.none() | data),
        m.build_sasl_initial,
        m.parse_sasl_initial,
    ),
    "SASLResponse": (st.builds(m.SaslResponse, data=data), m.build_sasl_response, m.parse_sasl_response),
}

SERVER: dict[str, Case] = {
    "AuthenticationOk": (st.builds(m.AuthenticationOk), m.build_authentication_ok, m.parse_server),
    "AuthenticationCleartext": (
        st.builds(m.AuthenticationCleartext),
        m.build_authentication_cleartext,
        m.parse_server,
    ),
    "AuthenticationMd5": (
        st.builds(m.AuthenticationMd5, salt=st.binary(min_size=4, max_size=4)),
        m.build_authentication_md5,
        m.parse_server,
    ),
    "AuthenticationSasl": (
        st.builds(m.AuthenticationSasl, mechanisms=mechanisms),
        m.build_authentication_sasl,
        m.parse_server,
    ),
    "AuthenticationSaslContinue": (
        st.builds(m.AuthenticationSaslContinue, data=data),
        m.build_authentication_sasl_continue,
        m.parse_server,
    ),
    "AuthenticationSaslFinal": (
        st.builds(m.AuthenticationSaslFinal, data=data),
        m.build_authentication_sasl_final,
        m.parse_server,
    ),
    "AuthenticationOther": (
        st.builds(m.AuthenticationOther, method=st.sampled_from([2, 6, 7, 8, 9]), data=data),
        m.build_authentication_other,
        m.parse_server,
    ),
    "BackendKeyData": (
        st.builds(m.BackendKeyData, pid=int32, secret=secrets),
        m.build_backend_key_data,
        m.parse_server,
    ),
    "ParameterStatus": (
        st.builds(m.ParameterStatus, name=text, value=text),
        m.build_parameter_status,
        m.parse_server,
    ),
    "ReadyForQuery": (
        st.builds(m.ReadyForQuery, status=st.sampled_from(m.TransactionStatus)),
        m.build_ready,
        m.parse_server,
    ),
    "NegotiateProtocolVersion": (
        st.builds(
            m.NegotiateProtocolVersion,
            version=st.tuples(st.integers(3, 9), st.integers(0, 65535)),
            unknown=st.lists(text, max_size=4).map(tuple),
        ),
        m.build_negotiate_protocol_version,
        m.parse_server,
    ),
    "ErrorResponse": (st.builds(m.ErrorResponse, fields=fields), m.build_error_fields, m.parse_server),
    "NoticeResponse": (st.builds(m.NoticeResponse, fields=fields), m.build_notice_fields, m.parse_server),
    "NotificationResponse": (
        st.builds(m.NotificationResponse, pid=int32, channel=text, payload=text),
        m.build_notification,
        m.parse_server,
    ),
    "RowDescription": (st.builds(m.RowDescription, columns=columns), m.build_row_description, m.parse_server),
    "DataRow": (st.builds(m.DataRow, values=values), m.build_data_row, m.parse_server),
    "ParameterDescription": (
        st.builds(m.ParameterDescription, types=oids),
        m.build_parameter_description,
        m.parse_server,
    ),
    "CommandComplete": (st.builds(m.CommandComplete, tag=text), m.build_command_complete, m.parse_server),
    **{
        name: (st.builds(m.CopyResponse, format=st.integers(0, 255), formats=formats), builder, m.parse_server)
        for name, builder in {
            "CopyInResponse": m.build_copy_in_response,
            "CopyOutResponse": m.build_copy_out_response,
            "CopyBothResponse": m.build_copy_both_response,
        }.items()
    },
    "CopyData": (st.builds(m.CopyData, data=data), m.build_copy_data, m.parse_server),
    "FunctionCallResponse": (
        st.builds(m.FunctionCallResponse, value=st.none() | data),
        m.build_function_call_response,
        m.parse_server,
    ),
    **{
        name: (st.just(m.Marker(kind=kind)), lambda builder=builder, **_: builder(), m.parse_server)
        for name, kind, builder in [
            ("ParseComplete", m.PARSE_COMPLETE, m.build_parse_complete),
            ("BindComplete", m.BIND_COMPLETE, m.build_bind_complete),
            ("CloseComplete", m.CLOSE_COMPLETE, m.build_close_complete),
            ("NoData", m.NO_DATA, m.build_no_data),
            ("EmptyQueryResponse", m.EMPTY_QUERY_RESPONSE, m.build_empty_query_response),
            ("PortalSuspended", m.PORTAL_SUSPENDED, m.build_portal_suspended),
            ("CopyDone", m.COPY_DONE, m.build_copy_done),
        ]
    },
}


def arguments(message: Struct) -> dict[str, Any]:
    """The fields of a message are the parameters of its builder."""
    return {name: getattr(message, name) for name in structs.asdict(message)}
