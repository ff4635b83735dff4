"""An independent reading of what Muster renders, with nothing but Python.

mandelbrot.py decode              a PNG on standard input -> "width height depth type interlace", then the pixels as they
                                  come out of the filters, as bytes
mandelbrot.py counts W H ESCAPE RE IM SPAN
                                  the escape iterations of a picture, by exact rational arithmetic and one rounding per
                                  operation, 16-bit big endian
"""

import struct
import sys
import zlib
from fractions import Fraction


def decode(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "signature"
    place, kinds, compressed, colours = 8, [], b"", b""
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (crc,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert len(body) == length and zlib.crc32(kind + body) == crc, "CRC of a chunk"
        kinds.append(kind)
        if kind == b"IHDR":
            width, height, depth, colour_type, compression, filters, interlace = struct.unpack(">IIBBBBB", body)
            assert (compression, filters, interlace) == (0, 0, 0)
        elif kind == b"PLTE":
            colours = body
        elif kind == b"IDAT":
            compressed += body
        place += 12 + length
    order = [kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind]
    assert order == [b"IHDR"] + ({0: [b"sRGB"], 2: [], 3: [b"PLTE"]}[colour_type]) + [b"IDAT", b"IEND"], order
    assert colour_type != 3 or len(colours) == 768
    stream = zlib.decompressobj()
    rows = stream.decompress(compressed)
    assert stream.eof and not stream.unused_data and not stream.unconsumed_tail, "the stream's end"
    unit = depth // 8 * (3 if colour_type == 2 else 1)
    row_bytes = width * unit
    assert len(rows) == height * (1 + row_bytes), "rows"
    pixels, above = bytearray(), bytes(row_bytes)
    for y in range(height):
        start = y * (1 + row_bytes)
        kind, row = rows[start], bytearray(rows[start + 1 : start + 1 + row_bytes])
        if kind == 1:
            for i in range(unit, row_bytes):
                row[i] = (row[i] + row[i - unit]) & 255
        elif kind == 2:
            for i in range(row_bytes):
                row[i] = (row[i] + above[i]) & 255
        else:
            assert kind == 0, f"filter {kind}"
        pixels += row
        above = row
    return f"{width} {height} {depth} {colour_type} {interlace}\n".encode() + bytes(pixels)


def fma(a, b, c):
    return float(Fraction(a) * Fraction(b) + Fraction(c))


def escape_iteration(cr, ci, escape):
    zr, zi = cr, ci
    for n in range(1, escape + 1):
        if fma(zr, zr, zi * zi) > 4:
            return n
        zr, zi = fma(zr, zr, fma(-zi, zi, cr)), fma(zr + zr, zi, ci)
    return 0


def counts(width, height, escape, re, im, span):
    step = span / width
    out = bytearray()
    for y in range(height):
        ci = fma(height / 2 - y - 0.5, step, im)
        for x in range(width):
            cr = fma(x + 0.5 - width / 2, step, re)
            out += struct.pack(">H", escape_iteration(cr, ci, escape) % 65536)
    return bytes(out)


if sys.argv[1] == "decode":
    sys.stdout.buffer.write(decode(sys.stdin.buffer.read()))
else:
    width, height, escape = map(int, sys.argv[2:5])
    sys.stdout.buffer.write(counts(width, height, escape, *map(float, sys.argv[5:8])))
