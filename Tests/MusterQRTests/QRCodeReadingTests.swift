import Glibc
import Testing

@testable import MusterQR

/// What is printed, as a terminal shows it, read by a program that knows nothing of this one.
@Suite(.enabled(if: Reader.isThere, "zbarimg is missing (zbar-tools)")) struct QRCodeReadingTests {
    static let texts = [
        "7", "HTTP://BOX:8080", "http://127.0.0.1:8080/sign-in?code=0123456789abcdef0123456789abcdef",
        "MUSTER_TOKEN=v2.ec8c46af44ab3a024e917d3ba9a02e7a muster worker --join http://192.168.100.200:65535",
        "ünï – ✓ 日本", String(repeating: "long ", count: 150),
    ]

    @Test(arguments: texts, [QRCode.Drawing.halfBlocks, .spaces])
    func terminal(text: String, drawing: QRCode.Drawing) throws {
        let code = try #require(QRCode(text))
        let screen = try Screen(code.lines(drawing))
        let side = code.side + 8
        #expect(screen.rows.allSatisfy { $0.count == code.columns(drawing) })
        #expect(screen.rows.count == (drawing == .spaces ? side : (side + 1) / 2))
        #expect(try Reader.read(screen.picture(scale: 3, doubled: drawing == .spaces)) == text)
    }
}

/// A terminal in small: knows colours of the 256, half blocks, spaces.
struct Screen {
    struct Unknown: Error { let text: String }
    /// Of each character the brightness of its upper and its lower half.
    var rows: [[(top: Int, bottom: Int)]] = []

    init(_ text: String) throws {
        for line in text.split(separator: "\n") {
            var (ink, paper): (Int?, Int?) = (nil, nil)
            var row: [(top: Int, bottom: Int)] = []
            var rest = line[...]
            while let character = rest.popFirst() {
                if character == "\u{1B}" {
                    let end = try #require(rest.firstIndex(of: "m"))
                    let words = rest[rest.index(after: rest.startIndex)..<end]
                    rest = rest[rest.index(after: end)...]
                    switch words {
                    case "0": (ink, paper) = (nil, nil)
                    case "38;5;16;48;5;231": (ink, paper) = (0, 255)
                    case "48;5;16": paper = 0
                    case "48;5;231": paper = 255
                    default: throw Unknown(text: String(words))
                    }
                    continue
                }
                // Nothing is left to the terminal's own colours.
                let back = try #require(paper)
                switch character {
                case " ": row.append((back, back))
                case "▀": row.append((try #require(ink), back))
                case "▄": row.append((back, try #require(ink)))
                case "█": row.append((try #require(ink), try #require(ink)))
                default: throw Unknown(text: String(character))
                }
            }
            #expect(ink == nil && paper == nil, "a line leaves its colours to the next one")
            rows.append(row)
        }
    }

    /// A PGM on a dark screen: `scale` pixels a square. `doubled`: a square is two characters.
    func picture(scale: Int, doubled: Bool) -> [UInt8] {
        var lines: [[Int]] = []
        for row in rows {
            let cells = doubled ? stride(from: 0, to: row.count, by: 2).map { row[$0] } : row
            lines.append(cells.map(\.top))
            if !doubled { lines.append(cells.map(\.bottom)) }
        }
        let margin = 5 * scale
        let (width, height) = (lines[0].count * scale + 2 * margin, lines.count * scale + 2 * margin)
        var pixels = [UInt8](repeating: 20, count: width * height)
        for y in 0..<lines.count * scale {
            for x in 0..<lines[0].count * scale {
                pixels[(y + margin) * width + x + margin] = UInt8(lines[y / scale][x / scale])
            }
        }
        return Array("P5\n\(width) \(height)\n255\n".utf8) + pixels
    }
}

/// `zbarimg`, of the ZBar bar code reader.
enum Reader {
    static let isThere = access("/usr/bin/zbarimg", X_OK) == 0

    static func read(_ picture: [UInt8]) throws -> String {
        let path = "/tmp/muster-qr-\(getpid())-\(UInt64.random(in: 0 ... .max)).pgm"
        defer { unlink(path) }
        let file = try #require(fopen(path, "w"))
        #expect(fwrite(picture, 1, picture.count, file) == picture.count)
        fclose(file)
        let pipe = try #require(popen("timeout 60 zbarimg --raw --quiet --oneshot -Sbinary pgm:\(path)", "r"))
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while case let count = fread(&chunk, 1, chunk.count, pipe), count > 0 { bytes += chunk[..<count] }
        #expect(pclose(pipe) == 0)
        return String(decoding: bytes, as: UTF8.self)
    }
}
