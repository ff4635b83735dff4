import Testing

@testable import CommandTemplates

@Suite("values in texts for the shell")
struct ShellTextTests {
    /// Values that a shell would take for something else.
    static let values: [[UInt8]] =
        [
            "", " ", "a", "a b", "it's", "'", "''", "\"", "\"'", "\\", "a\\", "\\'", "\\\"", "\n", "a\nb", "\na\n",
            "$HOME", "${x}",
            "$(echo no)", "`echo no`", "$((1+1))", "-n", "--", "{}", "{1}", "{#}", "*", "/*", "?", "[a-z]", "~", "!",
            "!!", "#",
            "# a", "%s", "%", ";", "a;b", "&", "&&", "|", ">x", "<x", "<<x", "(", ")", "$x", "x=1", "2", "_", "done",
            "if", "a\tb", "\r", "\u{7F}",
            "ä", "$'a'", "\u{1B}[m", "\\\n", "$", "a$", "\"$(echo no)\"", "'$(echo no)'", "';echo no;'",
            "\";echo no;\"", "`", "EOF", ")",
        ].map { Array($0.utf8) } + [[0xFF, 0xFE], [0xC3], [0x80, 0x27, 0x80], [0x5C, 0xFF]]

    /// A template, and what it prints before and behind its value.
    static let templates: [(template: String, before: String, behind: String)] = [
        (#"printf '%s' {}"#, "", ""), (#"printf '%s'"#, "", ""), (#"printf '%s' "{}""#, "", ""),
        (#"printf '%s' '{}'"#, "", ""),
        (#"printf '%s' a{}b"#, "a", "b"), (#"printf '%s' "a{}b""#, "a", "b"), (#"printf '%s' 'a{}b'"#, "a", "b"),
        (#"printf '%s' "a"'b'{}'c'"d""#, "ab", "cd"), (#"x=7; printf '%s' "$x{}""#, "7", ""),
        (#"x=7; printf '%s' $x{}"#, "7", ""),
        (#"x=7; printf '%s' "${x}{}${x}""#, "7", "7"), (#"printf '%s' "$(printf '%s.' {})""#, "", "."),
        (#"printf '%s' "$(printf '%s.' "{}")""#, "", "."), (#"printf '%s' "a$(printf '%s.' 'b{}')c""#, "ab", ".c"),
        (#"(printf '%s' {})"#, "", ""), (#"( (printf '%s' {}) | cat)"#, "", ""), (#"{ printf '%s' {}; }"#, "", ""),
        (#"if true; then printf '%s' {}; fi"#, "", ""),
        (#"case {} in (zz) echo no;; *) printf '%s' {};; esac"#, "", ""),
        (#"case q in a) echo no;; q) printf '%s' "$(printf '%s.' {})";; esac"#, "", "."),
        (#"f() { printf '%s' "$1"; }; f {}"#, "", ""), (#"printf '%s' \\{}"#, "\\", ""),
        (#"printf '%s' "\\{}""#, "\\", ""),
        (#"printf '%s' "\"{}\"""#, "\"", "\""), (#"printf '%s' \'{}\'"#, "'", "'"), (#"printf '%s' \${}"#, "$", ""),
        (#"printf '%s' "\${}""#, "$", ""), ("echo a >/dev/null # it's \"a\nprintf '%s' {}", "", ""),
        ("printf '%s' \\\n  {}", "", ""),
        (#"x={}; printf '%s' "$x""#, "", ""), (#"x="a{}"; printf '%s' "$x""#, "a", ""),
        (#"printf '%s' {} | cat"#, "", ""),
        (#"printf '%s' {} 2>&1"#, "", ""), (#"printf '%s' {}>&1"#, "", ""), (#"printf '%s' {}&& true"#, "", ""),
        (#"echo $# >/dev/null; printf '%s' {}"#, "", ""), (#"echo a#b >/dev/null; printf '%s' {}"#, "", ""),
        (#"printf '%s' "$((1<<2)){}""#, "4", ""), (#"printf '%s' "$(( (1+2) * 3 )){}""#, "9", ""),
        (#"printf '%s' {}$((1+1))"#, "", "2"),
        (#"printf '%s' "$$" >/dev/null; printf '%s' "$?{}""#, "0", ""), (#"printf '%s' "{}"{a,b"#, "", "{a,b"),
        (#"printf '%s' "`echo a`{}""#, "a", ""), (#"x=ab; printf '%s' "${x%b}{}""#, "a", ""),
        (#"printf '%s' "'{}'""#, "'", "'"),
        (#"printf '%s' '"{}"'"#, "\"", "\""), (#"printf '%s' '$'{}"#, "$", ""), (#"printf '%s' '{'{}"#, "{", ""),
    ]

    @Test("a value stays what it is wherever it may stand: /bin/sh says so", arguments: templates)
    func kept(template: String, before: String, behind: String) throws {
        let command = try CommandTemplate(shell: Array(template.utf8))
        for value in Self.values {
            guard case .shell(let text) = try command.expand([value], number: 1, slot: 1) else { continue }
            let expected = Array(before.utf8) + value + Array(behind.utf8)
            #expect(Template.run(text) == expected, "\(Template.text(text))")
        }
    }

    @Test("a value that is said to have room has it, whatever it holds", arguments: templates)
    func roomForShortValues(template: String, before: String, behind: String) throws {
        let command = try CommandTemplate(shell: Array(template.utf8))
        let bytes = command.valueBytesSurelyTaken
        #expect(bytes == 1_024)
        let long = ["'", "\"", "$", "a"].map { [UInt8](repeating: Array($0.utf8)[0], count: bytes) }
        for value in Self.values + long { _ = try command.expand([value], number: .max, slot: .max) }
    }

    @Test("where it depends on the value, or there is no place for one, none is said to have room")
    func roomThatIsNotSure() throws {
        for text in ["echo $(( {} ))", "echo {2}", "echo {-2}", "echo a # no place"] {
            #expect(try CommandTemplate(shell: Array(text.utf8)).valueBytesSurelyTaken == 0, "\(text)")
        }
        // Each place may take four bytes for one.
        let many = String(repeating: "{}", count: 32)
        #expect(try CommandTemplate(arguments: [Array("echo".utf8), Array(many.utf8)]).valueBytesSurelyTaken == 0)
        let few = String(repeating: "{}", count: 20)
        #expect(try CommandTemplate(arguments: [Array("echo".utf8), Array(few.utf8)]).valueBytesSurelyTaken == 1_024)
        let long = [UInt8](repeating: 0x61, count: CommandTemplate.argumentBytesMax - 1_000)
        #expect(try CommandTemplate(arguments: [Array("echo".utf8), long]).valueBytesSurelyTaken == 0)
    }

    @Test("all values of several sources: words of their own, or one in quotes")
    func several() throws {
        for (template, printed) in [
            (#"printf '<%s>' {}"#, "<a b><it's>"), (#"printf '<%s>' x{}y"#, "<xa b><it'sy>"),
            (#"printf '<%s>' "{}""#, "<a b it's>"),
            (#"printf '<%s>' 'x{}'"#, "<xa b it's>"), (#"printf '<%s>'"#, "<a b><it's>"),
            (#"printf '<%s>' {2}{1}"#, "<it'sa b>"),
        ] {
            let text = try Template.shell(template, ["a b", "it's"])
            #expect(Template.run(Array(text.utf8)).map(Template.text) == printed, "\(text)")
        }
    }

    /// A text, and what a dry run shows with the value `a b`.
    static let shown: [(String, String)] = [
        ("echo {}", "echo 'a b'"), ("echo \"{}\"", "echo \"a b\""), ("echo '{}'", "echo 'a b'"),
        ("echo \"$x{}\"", "echo \"$x\"'a b'\"\""),
        ("echo \"${x}{}\"", "echo \"${x}a b\""), ("echo \\{} {}", "echo \\{} 'a b'"),
        ("echo ${#} {}", "echo ${#} 'a b'"),
        ("awk '{print ${#}}' {}", "awk '{print $1}' 'a b'"), ("echo {#}>f", "echo '1'>f"),
        ("echo {#} {}", "echo 1 'a b'"),
        ("find {} -exec rm \\{} \\;", "find 'a b' -exec rm \\{} \\;"),
        ("echo $(({#} + 1)) {}", "echo $((1 + 1)) 'a b'"),
    ]

    @Test("what a dry run shows", arguments: shown)
    func dryRun(template: String, command: String) throws {
        #expect(try Template.shell(template, ["a b"]) == command)
    }

    /// Texts whose value no quoting would keep, or where shells differ.
    static let unclear: [(String, UnclearPlace)] = [
        ("echo `cat {}`", .backquotes), ("echo \"`cat {}`\"", .backquotes), ("echo # {}", .comment),
        ("# {}\necho", .comment),
        ("cat <<EOF\n{}\nEOF", .hereDocument), ("cat <<-'E' {}", .hereDocument), ("echo ${x:-{}}", .braces),
        ("echo \"${x:-{}}\"", .braces), ("echo \"${x:-'a'}\" {}", .braces), ("echo $'a' {}", .dollarQuotes),
        ("(case a in a) echo {};; esac)", .caseInParentheses),
        ("echo $(case a in a) echo {};; esac)", .caseInParentheses),
        ("echo $[{}+1]", .otherArithmetic), ("((x = {}))", .otherArithmetic), ("for ((;;)) {}", .otherArithmetic),
        ("echo $(( '1' + {} ))", .quotesInArithmetic), ("echo $((echo a); {})", .quotesInArithmetic),
        ("echo $\\\n{}", .joinedLines), ("cat <\\\n<E\n{}", .joinedLines), ("echo $x\\\n{}", .joinedLines),
        ("echo \"$\\\n(echo {})\"", .joinedLines), ("echo $\\\n'{}'", .joinedLines),
    ]

    @Test("places that are refused", arguments: unclear)
    func refused(template: String, place: UnclearPlace) {
        guard case .unclearPlace(_, place) = Template.refusal(template) else {
            Issue.record("\(template) is not refused as \(place): \(String(describing: Template.refusal(template)))")
            return
        }
    }

    @Test("texts like them, whose value stands in a clear place")
    func clear() {
        for text in [
            "cat {} <<EOF\n$x\nEOF", "echo {} `date`", "echo {} # a comment", "echo {} ${x:-'a'}", "echo {} $'a'",
            "echo '`' {}",
            "echo \\` {}", "echo '<<' {}", "echo \"<<\" {}", "echo '$(' {}", "echo \\# {}", "(showcase a) {}",
            "echo $((1<<2)) {}",
            "case {} in a) echo;; esac; echo {}", "cat <<<{}", "echo a \\\n {}", "echo 'a\\\nb' {}",
        ] {
            #expect(Template.refusal(text) == nil, "\(text)")
        }
    }

    @Test("a value in arithmetic is a number")
    func arithmetic() {
        for value in ["1", "-5", "1.5", "0x1F", "+7"] {
            #expect(Template.refusal("echo $(({} + 1))", [value]) == nil)
        }
        for value in [
            "", " ", "x", "a_b", "-", "MUSTER_VALUE", "a b", "1)", "$x", "`x`", "'1'", "a[0]", "1;", "x=1", "\u{E4}",
        ] {
            #expect(Template.refusal("echo $(({} + 1))", [value]) == .notArithmetic(value: value))
        }
    }

    @Test("values are appended only where they are arguments")
    func appended() {
        for text in [
            "a;", "a &", "a |", "a && ", "a # b", "a 'b", "a \"b", "a\n", "cat <<E\na\nE", "a >", "echo `", "echo $(a",
        ] {
            #expect(Template.refusal(text) == .nowhereToAppend, "\(text)")
            #expect(Template.refusal(text, []) == nil)
        }
        for text in ["a", "a; b", "a \\;", "a 'b;'", "a \"b|\"", "a >b", "a $x", "a `b`", "a $(b)", "a  ", "a # b\nc"] {
            #expect(Template.refusal(text) == nil, "\(text)")
        }
    }
}
