#pragma once
#include <libpq-fe.h>

/* The fields of an error, which libpq names by characters. */
static const int cpostgres_sqlstate = PG_DIAG_SQLSTATE;
static const int cpostgres_message = PG_DIAG_MESSAGE_PRIMARY;
static const int cpostgres_detail = PG_DIAG_MESSAGE_DETAIL;
static const int cpostgres_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
