import FoundationEssentials
import MusterCore
import MusterJSON
import Testing

@Suite("JSON")
struct JSONTests {
    static let accepted: [(String, String)] = [
        ("null", "null"), (" true ", "true"), ("-0.5e+10", "-0.5e+10"), ("0", "0"), (#""a\u00e9\n""#, #""a\u00e9\n""#),
        ("[ 1 , 2 ]", "[1,2]"), ("{ \"a b\" : [ ] }", #"{"a b":[]}"#), ("\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""),
        ("[\"a , b\",\n{}]", #"["a , b",{}]"#), (#"["\"  x"]"#, #"["\"  x"]"#),
    ]

    @Test("accepts what RFC 8259 accepts, and drops white space only", arguments: accepted)
    func accepts(text: String, compact: String) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)).text == compact)
    }

    static let refused = [
        "", " ", "nul", "truex", "01", "1.", ".5", "-", "1e", "+1", "NaN", "Infinity", "'a'", "\"a", "\"\\x\"", "[1,]",
        "[1 2]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "1 2", "\"\u{1}\"", #""\ud800""#, #""\udc00x""#,
        #""\ud800\u0041""#, #""\u12g4""#, "[", "{", "]",
    ]

    @Test("refuses everything else", arguments: refused)
    func refuses(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test("refuses what is not UTF-8")
    func refusesOtherEncodings() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xC3, 0x28, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xED, 0xA0, 0x80, 0x22]) }
    }

    @Test("bounds the nesting, without using the stack up")
    func depth() {
        let deepest = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try JSONValue(parsing: Array(deepest.utf8)) }
        for text in ["[" + deepest + "]", String(repeating: "{\"a\":", count: 1_000_000)] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
        }
    }

    @Test("reads numbers exactly")
    func numbers() throws {
        func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }
        #expect(try value("9223372036854775807").int == .max)
        #expect(try value("5.0").int == 5)
        #expect(try value("1.5").int == nil)
        #expect(try value("\"5\"").int == nil)
        #expect(try value("9223372036854775808").int == nil)
        #expect(try value("1e400").double == nil)
        #expect(try value("0.1").double == 0.1)
    }

    @Test("strings keep every character there and back")
    func strings() throws {
        let text = "a\"\\/\u{0}\n\u{7f}é😀\u{2028}"
        var json = JSONWriter()
        json.value(text)
        #expect(try JSONValue(parsing: json.bytes).string == text)
        #expect(try JSONValue(parsing: Array(#""\u0041\ud83d\ude00\/\b\f""#.utf8)).string == "A😀/\u{8}\u{c}")
    }

    @Test(
        "bytes as texts: every byte, alone and among others, there and back, and as a string of its own would be written"
    )
    func bytesAsTexts() throws {
        for byte in UInt8.min...UInt8.max {
            for bytes in [[byte], [0x61, byte, 0x62], [byte, 0x61, 0x62], [0x61, 0x62, byte]] {
                var json = JSONWriter()
                json.beginArray()
                json.text(bytes)
                json.text(bytes)
                json.endArray()
                let parts = try #require(try JSONValue(parsing: json.bytes).elements)
                #expect(parts.map(\.textBytes) == [bytes, bytes])
                guard let text = String(validating: bytes, as: UTF8.self) else { continue }
                var string = JSONWriter()
                string.value(text)
                #expect(Array(parts[0].bytes) == string.bytes)
            }
        }
    }

    @Test("an array of anything becomes lines and an array again")
    func columns() throws {
        let array = try JSONValue(parsing: Array("[1, \"a\\nb\", [ 2,3 ], {\"x\" : null}]".utf8))
        let column = try #require(array.column)
        #expect(column.count == 4)
        #expect(String(decoding: column.bytes, as: UTF8.self) == "1\n\"a\\nb\"\n[2,3]\n{\"x\":null}\n")
        var json = JSONWriter()
        json.array(lines: column.bytes)
        #expect(json.bytes == Array(array.bytes))
    }

    /// The same texts to this scanner and to the toolchain's decoder: both accept or both refuse.
    @Test("agrees with an independent decoder on mutated texts", arguments: 0..<20)
    func agreesWithIndependentDecoder(seed: UInt64) {
        var random = TestRandom(seed: seed)
        let sample = #"{"a":[1,-2.5,true,null,"x\u00e9\n"],"b":{"c":[[],{}],"d":"é"},"e":0.25}"#
        for _ in 0..<500 {
            var bytes = Array(sample.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(bytes.randomElement(using: &random)!, at: place)
                default: bytes[place] = Array("{}[],:\"\\0123.eE+-tfnu ".utf8).randomElement(using: &random)!
                }
            }
            let ours = (try? JSONValue(parsing: bytes)) != nil
            let theirs = (try? JSONDecoder().decode(Anything.self, from: Data(bytes))) != nil
            #expect(ours == theirs, "\(String(decoding: bytes, as: UTF8.self))")
        }
    }
}

/// Decodes any JSON whole, keeping nothing.
private struct Anything: Decodable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let keyed = try? decoder.container(keyedBy: Key.self) {
            for key in keyed.allKeys { _ = try keyed.decode(Anything.self, forKey: key) }
        } else if var list = try? decoder.unkeyedContainer() {
            while !list.isAtEnd { _ = try list.decode(Anything.self) }
        } else {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() || (try? value.decode(Bool.self)) != nil || (try? value.decode(Double.self)) != nil {
                return
            }
            _ = try value.decode(String.self)
        }
    }
}

private struct TestRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
