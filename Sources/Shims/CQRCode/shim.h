#pragma once
#include <qrcodegen/qrcodegen.h>

/* A macro of macros: what the largest code takes. */
static const int muster_qrcode_bytes = qrcodegen_BUFFER_LEN_MAX;
