import Testing

@testable import CommandTemplates

@Suite("commands that cannot be")
struct TemplateErrorTests {
    @Test("a source that is not there")
    func sources() throws {
        let three = ["a", "b", "c"]
        for (placeholder, isThere) in [
            ("{3}", true), ("{4}", false), ("{-3}", true), ("{-4}", false), ("{4/.}", false),
            ("{99999999999999999999}", false), ("{-99999999999999999999}", false), ("{9223372036854775807}", false),
        ] {
            let expected = isThere ? nil : TemplateError.noSource(placeholder: placeholder, sources: 3)
            #expect(Template.refusal("echo \(placeholder)", three) == expected)
            let vector = try CommandTemplate(arguments: ["echo", placeholder].map(Template.bytes))
            if let expected {
                #expect(throws: expected) { try vector.expand(three.map(Template.bytes), number: 1, slot: 1) }
            } else {
                #expect(throws: Never.self) { try vector.expand(three.map(Template.bytes), number: 1, slot: 1) }
            }
        }
        #expect(Template.refusal("echo {}", []) == .noSource(placeholder: "{}", sources: 0))
        #expect(Template.refusal("echo {#}", []) == nil)
        #expect(Template.refusal("echo", []) == nil)
        #expect(Template.refusal("echo {0}") == .sourceZero(placeholder: "{0}"))
        #expect(Template.refusal("echo {-0/}") == .sourceZero(placeholder: "{-0/}"))
        #expect(
            "\(TemplateError.noSource(placeholder: "{4}", sources: 3))"
                == "there is no value for {4}: a task has 3 values")
    }

    @Test("nothing to run, and bytes that no argument holds")
    func words() {
        #expect(throws: TemplateError.emptyCommand) { try CommandTemplate(words: []) }
        #expect(throws: TemplateError.emptyCommand) { try CommandTemplate(words: [[]]) }
        #expect(throws: TemplateError.emptyCommand) { try CommandTemplate(words: [[], [0x61]]) }
        #expect(throws: TemplateError.emptyCommand) { try CommandTemplate(words: [Template.bytes(" \n")]) }
        #expect(throws: TemplateError.nul(in: "a?b")) { try CommandTemplate(words: [[0x61, 0, 0x62]]) }
        #expect(throws: TemplateError.nul(in: "a?")) { try CommandTemplate(words: [[0x61], [0x61, 0]]) }
        #expect(Template.refusal("echo {#}", ["a\0"]) == .nul(in: "a?"))
    }

    @Test("an argument of 128 KiB less one byte is the longest")
    func lengths() throws {
        let longest = [UInt8](repeating: 0x61, count: 131_071)
        let command = try CommandTemplate(arguments: ["echo", "{}"].map(Template.bytes))
        #expect(try command.expand([longest], number: 1, slot: 1) == .arguments([Template.bytes("echo"), longest]))
        #expect(throws: TemplateError.argumentTooLong(bytes: 131_072)) {
            try command.expand([longest + [0x61]], number: 1, slot: 1)
        }
        // A part of a longer value may be short enough.
        let name = try CommandTemplate(arguments: ["echo", "{/}"].map(Template.bytes))
        #expect(
            try name.expand([longest + Template.bytes("/x")], number: 1, slot: 1)
                == .arguments(["echo", "x"].map(Template.bytes)))
        #expect(throws: TemplateError.argumentTooLong(bytes: 131_076)) {
            try CommandTemplate(shell: Template.bytes("echo")).expand([longest], number: 1, slot: 1)
        }
        #expect(throws: TemplateError.argumentTooLong(bytes: 131_072)) {
            try CommandTemplate(words: [longest + [0x61]])
        }
        let both = try CommandTemplate(arguments: ["echo", "x{}"].map(Template.bytes))
        #expect(throws: TemplateError.argumentTooLong(bytes: 131_074)) {
            try both.expand([Array(longest.dropLast()), [0x62, 0x63]], number: 1, slot: 1)
        }
    }

    @Test("two MiB are the longest of all arguments, and many placeholders for a long value take no more memory")
    func total() throws {
        let value = [UInt8](repeating: 0x61, count: 131_071)
        let fifteen = try CommandTemplate(
            arguments: [Template.bytes("p")] + Array(repeating: Template.bytes("{}"), count: 15))
        #expect(throws: Never.self) { try fifteen.expand([value], number: 1, slot: 1) }
        let many = try CommandTemplate(
            arguments: [Template.bytes("p")] + Array(repeating: Template.bytes("{}"), count: 100_000))
        #expect(throws: TemplateError.argumentsTooLong) { try many.expand([value], number: 1, slot: 1) }
        let inside = try CommandTemplate(shell: Template.bytes("p " + String(repeating: "\"{}\"", count: 30_000)))
        #expect(throws: TemplateError.self) { try inside.expand([value], number: 1, slot: 1) }
    }

    @Test("messages are short, on one line")
    func messages() {
        let error = Template.refusal("echo {}", [String(repeating: "a", count: 100) + "\0\n"])
        #expect(error.map { "\($0)" }?.utf8.count ?? 1_000 < 150)
        #expect(shown(Template.bytes("a\nb\u{7F}")) == "a?b?")
    }
}
