import Testing

@testable import MusterCommandLine

@Suite struct ValueKindTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let kind: ValueKind
        let text: String
        let value: ArgumentValue?
        init(_ kind: ValueKind, _ text: String, _ value: ArgumentValue?) {
            self.kind = kind
            self.text = text
            self.value = value
        }
        var testDescription: String { "\(kind): \(text.prefix(40))" }
    }

    static let accepted: [Case] = [
        Case(.anyText, "a b ü", .text("a b ü")),
        Case(.text(bytesMax: 3, suggestions: ["x"]), "abc", .text("abc")),
        Case(.int(1...100_000_000), "100000000", .int(100_000_000)),
        Case(.int(-5...5), "-5", .int(-5)),
        Case(.double(0...1), "1e-3", .double(0.001)),
        Case(.seconds(0...3600), "0.5", .seconds(.milliseconds(500))),
        Case(.seconds(0...3600), "3600", .seconds(.seconds(3600))),
        Case(.bytes(0...1 << 50), "1073741824", .int(1 << 30)), Case(.bytes(0...1 << 50), "0", .int(0)),
        Case(.bytes(0...1 << 50), "512M", .int(512 << 20)), Case(.bytes(0...1 << 50), "1.5GiB", .int(3 << 29)),
        Case(.bytes(0...1 << 50), "4kb", .int(4_096)), Case(.bytes(0...1 << 50), "1T", .int(1 << 40)),
        Case(.bool, "TRUE", .bool(true)),
        Case(.bool, "off", .bool(false)),
        Case(.choice(["a", "b"], reserved: ["c"]), "b", .text("b")),
        Case(.file, "-", .text("-")),
        Case(.directory, "./x y", .text("./x y")),
        Case(.url, "http://127.0.0.1:8080", .text("http://127.0.0.1:8080")),
        Case(.url, "HTTPS://hub.example/base//", .text("HTTPS://hub.example/base")),
        Case(.url, "http://[::1]:9000/", .text("http://[::1]:9000")),
        Case(.pairs(commaSeparated: false), "k=a=b,c", .pairs([KeyValue("k", "a=b,c")])),
        Case(.pairs(commaSeparated: false), "k=", .pairs([KeyValue("k", "")])),
        Case(.pairs(commaSeparated: true), "a=1,b=2", .pairs([KeyValue("a", "1"), KeyValue("b", "2")])),
        Case(.addresses, "127.0.0.1", .texts(["127.0.0.1"])),
        Case(.addresses, "::,localhost,fe80::1", .texts(["::", "localhost", "fe80::1"])),
        Case(.secret, "s3cret~!", .text("s3cret~!")),
    ]

    static let refused: [(ValueKind, String)] = [
        (.anyText, ""), (.anyText, "a\nb"), (.anyText, "a\u{1B}[2J"), (.anyText, String(repeating: "x", count: 4097)),
        (.text(bytesMax: 3, suggestions: []), "abcd"), (.text(bytesMax: 3, suggestions: []), "üü"),
        (.int(1...10), "0"), (.int(1...10), "11"), (.int(1...10), ""), (.int(1...10), "1.0"), (.int(1...10), "0x5"),
        (.int(1...10), " 5"), (.int(1...10), "99999999999999999999"), (.int(1...10), "５"),
        (.double(0...1), "nan"), (.double(0...1), "inf"), (.double(0...1), "1.1"), (.double(0...1), "0x0p1"),
        (.seconds(0.5...10), "0.4"), (.seconds(0.5...10), "5s"), (.seconds(0.5...10), "-1"),
        (.seconds(0.5...10), "infinity"), (.bool, "maybe"), (.bool, ""),
        (.bytes(0...1 << 30), "2G"), (.bytes(0...1 << 30), "1.5"), (.bytes(0...1 << 30), "G"),
        (.bytes(0...1 << 30), ""),
        (.bytes(0...1 << 30), "-1"), (.bytes(0...1 << 30), "1 G"), (.bytes(0...1 << 30), "1X"),
        (.bytes(0...1 << 30), "1e3M"), (.bytes(0...1 << 30), "99999999999999999999"), (.bytes(5...9), "4"),
        (.choice(["a"], reserved: []), "A"), (.file, ""), (.directory, ""),
        (.url, ""), (.url, "hub:8080"), (.url, "ftp://hub"), (.url, "http://"), (.url, "http://u:p@hub"),
        (.url, "http://hub?q=1"), (.url, "http://hub#f"), (.url, "http://hub:0"), (.url, "http://hub:65536"),
        (.url, "http://hub/a b"), (.url, "http://hub/\n"), (.url, "http://" + String(repeating: "h", count: 2048)),
        (.pairs(commaSeparated: false), "k"), (.pairs(commaSeparated: false), "=v"),
        (.pairs(commaSeparated: true), "a=1,"), (.pairs(commaSeparated: true), ""),
        (.addresses, ""), (.addresses, "hub"), (.addresses, "::,"), (.addresses, "1.2.3"), (.addresses, "[::1]"),
        (.addresses, "127.0.0.1:80"), (.secret, "a b"), (.secret, "ü"), (.secret, ""),
        (.secret, String(repeating: "x", count: 257)),
    ]

    @Test(arguments: accepted) func accepts(_ test: Case) throws {
        #expect(try test.kind.parse(test.text) == test.value)
    }

    @Test(arguments: refused) func refuses(_ kind: ValueKind, _ text: String) {
        #expect(throws: ValueError.self) { try kind.parse(text) }
    }

    @Test(arguments: [
        (ValueKind.int(1...100_000_000), "abc", "\"abc\" is not a whole number from 1 to 100000000"),
        (.int(1...Int.max), "0", "\"0\" is not a whole number from 1"),
        (.seconds(0.5...3600), "x", "\"x\" is not a number of seconds from 0.5 to 3600"),
        (.choice(["text", "json"], reserved: []), "jsno", "\"jsno\" is not one of text, json; did you mean json?"),
        (
            .choice(["process"], reserved: ["kubernetes"]), "kubernetes",
            "\"kubernetes\" is not yet in this version"
        ),
        (.secret, "my secret", "the value given is not a token of 1 to 256 visible ASCII characters"),
    ]) func saysWhatIsWrong(_ kind: ValueKind, _ text: String, _ reason: String) {
        #expect(throws: ValueError(reason)) { try kind.parse(text) }
    }

    @Test func longValuesAreCutInMessages() {
        let text = String(repeating: "9", count: 100_000)
        #expect(throws: ValueError("\"\(String(repeating: "9", count: 80))…\" is not a whole number from 0 to 9")) {
            try ValueKind.int(0...9).parse(text)
        }
    }
}
