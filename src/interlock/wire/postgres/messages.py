"""Every message of the protocol under one name: values, `parse_*`, `build_*`, type bytes and violations."""

from interlock.wire.postgres.authentication import (
    Authentication as Authentication,
)
from interlock.wire.postgres.authentication import (
    AuthenticationCleartext as AuthenticationCleartext,
)
from interlock.wire.postgres.authentication import (
    AuthenticationMd5 as AuthenticationMd5,
)
from interlock.wire.postgres.authentication import (
    AuthenticationOk as AuthenticationOk,
)
from interlock.wire.postgres.authentication import (
    AuthenticationOther as AuthenticationOther,
)
from interlock.wire.postgres.authentication import (
    AuthenticationSasl as AuthenticationSasl,
)
from interlock.wire.postgres.authentication import (
    AuthenticationSaslContinue as AuthenticationSaslContinue,
)
from interlock.wire.postgres.authentication import (
    AuthenticationSaslFinal as AuthenticationSaslFinal,
)
from interlock.wire.postgres.authentication import (
    parse_authentication as parse_authentication,
)
from interlock.wire.postgres.from_client import (
    AuthenticationAnswer as AuthenticationAnswer,
)
from interlock.wire.postgres.from_client import (
    Bind as Bind,
)
from interlock.wire.postgres.from_client import (
    ClientMessage as ClientMessage,
)
from interlock.wire.postgres.from_client import (
    Close as Close,
)
from interlock.wire.postgres.from_client import (
    CopyData as CopyData,
)
from interlock.wire.postgres.from_client import (
    CopyDone as CopyDone,
)
from interlock.wire.postgres.from_client import (
    CopyFail as CopyFail,
)
from interlock.wire.postgres.from_client import (
    Describe as Describe,
)
from interlock.wire.postgres.from_client import (
    Execute as Execute,
)
from interlock.wire.postgres.from_client import (
    Flush as Flush,
)
from interlock.wire.postgres.from_client import (
    FunctionCall as FunctionCall,
)
from interlock.wire.postgres.from_client import (
    Parse as Parse,
)
from interlock.wire.postgres.from_client import (
    Part as Part,
)
from interlock.wire.postgres.from_client import (
    Password as Password,
)
from interlock.wire.postgres.from_client import (
    Query as Query,
)
from interlock.wire.postgres.from_client import (
    SaslInitial as SaslInitial,
)
from interlock.wire.postgres.from_client import (
    SaslResponse as SaslResponse,
)
from interlock.wire.postgres.from_client import (
    Sync as Sync,
)
from interlock.wire.postgres.from_client import (
    Terminate as Terminate,
)
from interlock.wire.postgres.from_client import (
    parse_authentication_answer as parse_authentication_answer,
)
from interlock.wire.postgres.from_client import (
    parse_bind as parse_bind,
)
from interlock.wire.postgres.from_client import (
    parse_client as parse_client,
)
from interlock.wire.postgres.from_client import (
    parse_close as parse_close,
)
from interlock.wire.postgres.from_client import (
    parse_copy_data as parse_copy_data,
)
from interlock.wire.postgres.from_client import (
    parse_copy_fail as parse_copy_fail,
)
from interlock.wire.postgres.from_client import (
    parse_describe as parse_describe,
)
from interlock.wire.postgres.from_client import (
    parse_execute as parse_execute,
)
from interlock.wire.postgres.from_client import (
    parse_function_call as parse_function_call,
)
from interlock.wire.postgres.from_client import (
    parse_parse as parse_parse,
)
from interlock.wire.postgres.from_client import (
    parse_password as parse_password,
)
from interlock.wire.postgres.from_client import (
    parse_query as parse_query,
)
from interlock.wire.postgres.from_client import (
    parse_sasl_initial as parse_sasl_initial,
)
from interlock.wire.postgres.from_client import (
    parse_sasl_response as parse_sasl_response,
)
from interlock.wire.postgres.from_server import (
    BackendKeyData as BackendKeyData,
)
from interlock.wire.postgres.from_server import (
    ColumnDescription as ColumnDescription,
)
from interlock.wire.postgres.from_server import (
    CommandComplete as CommandComplete,
)
from interlock.wire.postgres.from_server import (
    CopyResponse as CopyResponse,
)
from interlock.wire.postgres.from_server import (
    DataRow as DataRow,
)
from interlock.wire.postgres.from_server import (
    ErrorResponse as ErrorResponse,
)
from interlock.wire.postgres.from_server import (
    FunctionCallResponse as FunctionCallResponse,
)
from interlock.wire.postgres.from_server import (
    Marker as Marker,
)
from interlock.wire.postgres.from_server import (
    NegotiateProtocolVersion as NegotiateProtocolVersion,
)
from interlock.wire.postgres.from_server import (
    NoticeResponse as NoticeResponse,
)
from interlock.wire.postgres.from_server import (
    NotificationResponse as NotificationResponse,
)
from interlock.wire.postgres.from_server import (
    ParameterDescription as ParameterDescription,
)
from interlock.wire.postgres.from_server import (
    ParameterStatus as ParameterStatus,
)
from interlock.wire.postgres.from_server import (
    ReadyForQuery as ReadyForQuery,
)
from interlock.wire.postgres.from_server import (
    RowDescription as RowDescription,
)
from interlock.wire.postgres.from_server import (
    ServerMessage as ServerMessage,
)
from interlock.wire.postgres.from_server import (
    TransactionStatus as TransactionStatus,
)
from interlock.wire.postgres.from_server import (
    parse_backend_key_data as parse_backend_key_data,
)
from interlock.wire.postgres.from_server import (
    parse_command_complete as parse_command_complete,
)
from interlock.wire.postgres.from_server import (
    parse_copy_response as parse_copy_response,
)
from interlock.wire.postgres.from_server import (
    parse_data_row as parse_data_row,
)
from interlock.wire.postgres.from_server import (
    parse_error as parse_error,
)
from interlock.wire.postgres.from_server import (
    parse_function_call_response as parse_function_call_response,
)
from interlock.wire.postgres.from_server import (
    parse_marker as parse_marker,
)
from interlock.wire.postgres.from_server import (
    parse_negotiate_protocol_version as parse_negotiate_protocol_version,
)
from interlock.wire.postgres.from_server import (
    parse_notice as parse_notice,
)
from interlock.wire.postgres.from_server import (
    parse_notification as parse_notification,
)
from interlock.wire.postgres.from_server import (
    parse_parameter_description as parse_parameter_description,
)
from interlock.wire.postgres.from_server import (
    parse_parameter_status as parse_parameter_status,
)
from interlock.wire.postgres.from_server import (
    parse_ready_for_query as parse_ready_for_query,
)
from interlock.wire.postgres.from_server import (
    parse_row_description as parse_row_description,
)
from interlock.wire.postgres.from_server import (
    parse_server as parse_server,
)
from interlock.wire.postgres.from_server import (
    parse_tag as parse_tag,
)
from interlock.wire.postgres.kinds import (
    AUTHENTICATION as AUTHENTICATION,
)
from interlock.wire.postgres.kinds import (
    AUTHENTICATION_ANSWER as AUTHENTICATION_ANSWER,
)
from interlock.wire.postgres.kinds import (
    BACKEND_KEY_DATA as BACKEND_KEY_DATA,
)
from interlock.wire.postgres.kinds import (
    BIND as BIND,
)
from interlock.wire.postgres.kinds import (
    BIND_COMPLETE as BIND_COMPLETE,
)
from interlock.wire.postgres.kinds import (
    CLIENT_NAMES as CLIENT_NAMES,
)
from interlock.wire.postgres.kinds import (
    CLOSE as CLOSE,
)
from interlock.wire.postgres.kinds import (
    CLOSE_COMPLETE as CLOSE_COMPLETE,
)
from interlock.wire.postgres.kinds import (
    COMMAND_COMPLETE as COMMAND_COMPLETE,
)
from interlock.wire.postgres.kinds import (
    COPY_BOTH_RESPONSE as COPY_BOTH_RESPONSE,
)
from interlock.wire.postgres.kinds import (
    COPY_DATA as COPY_DATA,
)
from interlock.wire.postgres.kinds import (
    COPY_DONE as COPY_DONE,
)
from interlock.wire.postgres.kinds import (
    COPY_FAIL as COPY_FAIL,
)
from interlock.wire.postgres.kinds import (
    COPY_IN_RESPONSE as COPY_IN_RESPONSE,
)
from interlock.wire.postgres.kinds import (
    COPY_OUT_RESPONSE as COPY_OUT_RESPONSE,
)
from interlock.wire.postgres.kinds import (
    DATA_ROW as DATA_ROW,
)
from interlock.wire.postgres.kinds import (
    DESCRIBE as DESCRIBE,
)
from interlock.wire.postgres.kinds import (
    EMPTY_QUERY_RESPONSE as EMPTY_QUERY_RESPONSE,
)
from interlock.wire.postgres.kinds import (
    ERROR_RESPONSE as ERROR_RESPONSE,
)
from interlock.wire.postgres.kinds import (
    EXECUTE as EXECUTE,
)
from interlock.wire.postgres.kinds import (
    FLUSH as FLUSH,
)
from interlock.wire.postgres.kinds import (
    FUNCTION_CALL as FUNCTION_CALL,
)
from interlock.wire.postgres.kinds import (
    FUNCTION_CALL_RESPONSE as FUNCTION_CALL_RESPONSE,
)
from interlock.wire.postgres.kinds import (
    MERGED_FROM_CLIENT as MERGED_FROM_CLIENT,
)
from interlock.wire.postgres.kinds import (
    MERGED_FROM_SERVER as MERGED_FROM_SERVER,
)
from interlock.wire.postgres.kinds import (
    NEGOTIATE_PROTOCOL_VERSION as NEGOTIATE_PROTOCOL_VERSION,
)
from interlock.wire.postgres.kinds import (
    NO_DATA as NO_DATA,
)
from interlock.wire.postgres.kinds import (
    NOTICE_RESPONSE as NOTICE_RESPONSE,
)
from interlock.wire.postgres.kinds import (
    NOTIFICATION_RESPONSE as NOTIFICATION_RESPONSE,
)
from interlock.wire.postgres.kinds import (
    PARAMETER_DESCRIPTION as PARAMETER_DESCRIPTION,
)
from interlock.wire.postgres.kinds import (
    PARAMETER_STATUS as PARAMETER_STATUS,
)
from interlock.wire.postgres.kinds import (
    PARSE as PARSE,
)
from interlock.wire.postgres.kinds import (
    PARSE_COMPLETE as PARSE_COMPLETE,
)
from interlock.wire.postgres.kinds import (
    PORTAL_SUSPENDED as PORTAL_SUSPENDED,
)
from interlock.wire.postgres.kinds import (
    QUERY as QUERY,
)
from interlock.wire.postgres.kinds import (
    READY_FOR_QUERY as READY_FOR_QUERY,
)
from interlock.wire.postgres.kinds import (
    ROW_DESCRIPTION as ROW_DESCRIPTION,
)
from interlock.wire.postgres.kinds import (
    SERVER_NAMES as SERVER_NAMES,
)
from interlock.wire.postgres.kinds import (
    SYNC as SYNC,
)
from interlock.wire.postgres.kinds import (
    TERMINATE as TERMINATE,
)
from interlock.wire.postgres.to_client import (
    build_authentication_cleartext as build_authentication_cleartext,
)
from interlock.wire.postgres.to_client import (
    build_authentication_md5 as build_authentication_md5,
)
from interlock.wire.postgres.to_client import (
    build_authentication_ok as build_authentication_ok,
)
from interlock.wire.postgres.to_client import (
    build_authentication_other as build_authentication_other,
)
from interlock.wire.postgres.to_client import (
    build_authentication_sasl as build_authentication_sasl,
)
from interlock.wire.postgres.to_client import (
    build_authentication_sasl_continue as build_authentication_sasl_continue,
)
from interlock.wire.postgres.to_client import (
    build_authentication_sasl_final as build_authentication_sasl_final,
)
from interlock.wire.postgres.to_client import (
    build_backend_key_data as build_backend_key_data,
)
from interlock.wire.postgres.to_client import (
    build_bind_complete as build_bind_complete,
)
from interlock.wire.postgres.to_client import (
    build_close_complete as build_close_complete,
)
from interlock.wire.postgres.to_client import (
    build_command_complete as build_command_complete,
)
from interlock.wire.postgres.to_client import (
    build_copy_both_response as build_copy_both_response,
)
from interlock.wire.postgres.to_client import (
    build_copy_in_response as build_copy_in_response,
)
from interlock.wire.postgres.to_client import (
    build_copy_out_response as build_copy_out_response,
)
from interlock.wire.postgres.to_client import (
    build_data_row as build_data_row,
)
from interlock.wire.postgres.to_client import (
    build_empty_query_response as build_empty_query_response,
)
from interlock.wire.postgres.to_client import (
    build_error as build_error,
)
from interlock.wire.postgres.to_client import (
    build_error_fields as build_error_fields,
)
from interlock.wire.postgres.to_client import (
    build_function_call_response as build_function_call_response,
)
from interlock.wire.postgres.to_client import (
    build_negotiate_protocol_version as build_negotiate_protocol_version,
)
from interlock.wire.postgres.to_client import (
    build_no_data as build_no_data,
)
from interlock.wire.postgres.to_client import (
    build_notice as build_notice,
)
from interlock.wire.postgres.to_client import (
    build_notice_fields as build_notice_fields,
)
from interlock.wire.postgres.to_client import (
    build_notification as build_notification,
)
from interlock.wire.postgres.to_client import (
    build_parameter_description as build_parameter_description,
)
from interlock.wire.postgres.to_client import (
    build_parameter_status as build_parameter_status,
)
from interlock.wire.postgres.to_client import (
    build_parse_complete as build_parse_complete,
)
from interlock.wire.postgres.to_client import (
    build_portal_suspended as build_portal_suspended,
)
from interlock.wire.postgres.to_client import (
    build_ready as build_ready,
)
from interlock.wire.postgres.to_client import (
    build_row_description as build_row_description,
)
from interlock.wire.postgres.to_server import (
    build_bind as build_bind,
)
from interlock.wire.postgres.to_server import (
    build_close as build_close,
)
from interlock.wire.postgres.to_server import (
    build_copy_data as build_copy_data,
)
from interlock.wire.postgres.to_server import (
    build_copy_done as build_copy_done,
)
from interlock.wire.postgres.to_server import (
    build_copy_fail as build_copy_fail,
)
from interlock.wire.postgres.to_server import (
    build_describe as build_describe,
)
from interlock.wire.postgres.to_server import (
    build_execute as build_execute,
)
from interlock.wire.postgres.to_server import (
    build_flush as build_flush,
)
from interlock.wire.postgres.to_server import (
    build_function_call as build_function_call,
)
from interlock.wire.postgres.to_server import (
    build_parse as build_parse,
)
from interlock.wire.postgres.to_server import (
    build_password as build_password,
)
from interlock.wire.postgres.to_server import (
    build_query as build_query,
)
from interlock.wire.postgres.to_server import (
    build_sasl_initial as build_sasl_initial,
)
from interlock.wire.postgres.to_server import (
    build_sasl_response as build_sasl_response,
)
from interlock.wire.postgres.to_server import (
    build_sync as build_sync,
)
from interlock.wire.postgres.to_server import (
    build_terminate as build_terminate,
)
from interlock.wire.postgres.violations import (
    ClientViolation as ClientViolation,
)
from interlock.wire.postgres.violations import (
    NotText as NotText,
)
from interlock.wire.postgres.violations import (
    ProtocolViolation as ProtocolViolation,
)
from interlock.wire.postgres.violations import (
    ServerViolation as ServerViolation,
)
from interlock.wire.postgres.violations import (
    UnsupportedProtocol as UnsupportedProtocol,
)
