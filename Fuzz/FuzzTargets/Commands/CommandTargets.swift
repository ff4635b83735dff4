internal import Glibc

@testable internal import MusterCommandLine
@testable internal import MusterCommands

extension FuzzTarget {
    static let commands = [
        FuzzTarget("command-line", readCommandLine),
        FuzzTarget("flag-values", readValue),
        FuzzTarget("settings", readSettings),
    ]

    /// A word a line. Whatever is said, there is a request or an error in words.
    private static func readCommandLine(_ bytes: [UInt8]) throws {
        let words = lineList(bytes).map(plainText)
        do throws(ParseError) {
            _ = try MusterCommand.table.parse(words, environment: [:]) { path throws(CommandError) in
                try Settings(path: path, bytes: Array("slots = 2\n".utf8))
            }
        } catch {
            try promise(!error.error.message.isEmpty, "an error without words")
        }
    }

    /// The first byte chooses the kind.
    private static func readValue(_ bytes: [UInt8]) throws {
        let kinds: [ValueKind] = [
            .anyText, .int(1...4_096), .double(-1...1e6), .seconds(0...86_400), .bool,
            .choice(["one", "two"], reserved: []),
            .file, .url, .pairs(commaSeparated: true), .pairs(commaSeparated: false), .addresses, .secret,
        ]
        let text = plainText(bytes.dropFirst())
        let kind = kinds[Int(bytes.first ?? 0) % kinds.count]
        guard let value = try? kind.parse(text) else { return }
        switch (kind, value) {
        case (.int(let range), .int(let number)): try promise(range.contains(number), "\(number)")
        case (.double(let range), .double(let number)): try promise(range.contains(number), "\(number)")
        case (.seconds, .seconds(let time)): try promise((.zero ... .seconds(86_400)).contains(time), "\(time)")
        case (.url, .text(let url)):
            try promise(url.utf8.last != 0x2F && url.utf8.count <= 2_048, "the URL \(url)")
            try promise((try? kind.parse(url)) == value, "\(url) is not read back")
        case (.secret, .text(let secret)):
            try promise(secret.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "\(secret)")
        case (.text, .text(let text)): try promise(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(text)")
        case (.pairs, .pairs(let pairs)): try promise(pairs.allSatisfy { !$0.key.isEmpty }, "a pair without a name")
        default: break
        }
    }

    /// What is accepted means the same to systemd, where names are those of variables.
    private static func readSettings(_ bytes: [UInt8]) throws {
        guard let settings = try? Settings(path: "-", bytes: bytes) else { return }
        guard
            settings.entries.allSatisfy({
                $0.name.utf8.allSatisfy { $0 != 0x2D } && $0.name.utf8.first.map { $0 > 0x39 } == true
            })
        else { return }
        let expected = EnvironmentFile.read(bytes)
        try promise(
            settings.entries.map { "\($0.name)=\($0.value)" } == expected,
            "\(settings.entries.map { "\($0.name)=\($0.value)" }), for systemd \(expected)")
    }
}
