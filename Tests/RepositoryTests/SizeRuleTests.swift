import Testing

@Suite("sizes")
struct SizeRuleTests {
    private static func file(_ room: String, _ text: String) -> SourceRules.File {
        SourceRules.File(room: room, path: "\(room).swift", text: text)
    }

    private static func body(_ head: String, lines: Int) -> String {
        head + " {\n" + String(repeating: "    a()\n", count: lines - 2) + "}\n"
    }

    private static func findings(_ files: [SourceRules.File], exceptions: Set<String> = [])
        -> [String]
    {
        SizeRules.findings(in: files, exceptions: exceptions)
    }

    @Test("a target is counted over its files")
    func targets() {
        let half = String(repeating: "\n", count: 2_000)
        let files = [Self.file("A", half), Self.file("A", half), Self.file("B", half)]
        #expect(Self.findings(files) == [])
        #expect(Self.findings(files + [Self.file("A", "\n")]) == ["A: a target of 4001 lines; at most 4000"])
    }

    @Test(
        "a type is counted with its extensions in all files",
        arguments: [
            "struct Large", "package final class Large: Sendable", "package struct Large<Element>",
            "@MainActor public final class Large", "extension Large: Hashable",
            "extension Large where Element: Hashable",
            "private enum Large: String", "actor Large", "protocol Large",
            "/// `}` and `struct Small {`.\nfinal class Large:\n    Hashable,\n    Sendable",
        ])
    func types(head: String) {
        let lines = SizeRules.types(in: Self.file("A", Self.body(head, lines: 300)).lines)
        #expect(lines.map(\.name) == ["Large"])
        let files = [Self.file("A", Self.body(head, lines: 390)), Self.file("A", "extension Large: Sendable {}\n")]
        let more = Self.file("A", Self.body("extension Large", lines: 14))
        #expect(Self.findings([files[1], Self.file("A", Self.body(head, lines: 300))]) == [])
        let found = Self.findings(files + [more])
        #expect(found.count == 1 && found[0].hasPrefix("A.Large: a type of 40"), "\(found)")
        #expect(Self.findings(files + [more], exceptions: ["A.Large"]) == [])
        // Another target's type of the name is another type.
        #expect(Self.findings(files + [Self.file("B", more.text)]) == [])
    }

    @Test("what stands inside is part of the type; functions and texts are none")
    func rest() {
        let text = """
            let closure = { (class: Int) in
                1
            }
            func free() {
            }
            struct Outer {
                struct Inner {
                }
                let text = \"""
            extension Text {
            }
            \"""
            }
            extension Outer.Inner { }
            """
        let found = SizeRules.types(in: Self.file("A", text).lines)
        #expect(found.map(\.name) == ["Outer", "Outer.Inner"])
        #expect(found.map(\.lines) == [8, 1])
    }

    @Test("an exception that is not needed is found")
    func needless() {
        let small = Self.file("A", Self.body("struct Small", lines: 10))
        #expect(Self.findings([small], exceptions: ["A.Small"]) == ["A.Small: an exception that is none any more"])
    }
}
