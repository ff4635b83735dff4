import Testing

@testable import CommandTemplates

@Suite("placeholders")
struct ExpansionTests {
    /// A template of one word, the values of its sources, and what GNU parallel 20221122 made of it (`parallel --dry-run`).
    static let parallel: [(template: String, values: [String], command: String)] = [
        ("echo {} {.} {/} {//} {/.} {#}", ["a/b.c.d"], "echo a/b.c.d a/b.c b.c.d a b.c 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["a"], "echo a a a . a 1"),
        ("echo {} {.} {/} {//} {/.} {#}", [".hidden"], "echo .hidden '' .hidden . '' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["/x"], "echo /x /x x / x 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["/a/b/"], "echo /a/b/ /a/b/ '' /a '' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["a/.b"], "echo a/.b a/ .b a '' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", [""], "echo '' '' '' . '' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["a."], "echo a. a a. . a 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["a/b.c/d"], "echo a/b.c/d a/b.c/d d a/b.c d 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["/"], "echo / / '' / '' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["//"], "echo // // '' / '' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["a//b"], "echo a//b a//b b a b 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["a/b//"], "echo a/b// a/b// '' a '' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["/.x"], "echo /.x / .x / '' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["{}"], "echo '{}' '{}' '{}' . '{}' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["{1}"], "echo '{1}' '{1}' '{1}' . '{1}' 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["--"], "echo -- -- -- . -- 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["-n"], "echo -n -n -n . -n 1"),
        ("echo {} {.} {/} {//} {/.} {#}", ["x y.z"], "echo 'x y.z' 'x y' 'x y.z' . 'x y' 1"),
        ("echo {} {}", ["~"], "echo '~' '~'"),
        (
            "echo {1} {2} {-1} {1.} {2/} {2//} {2/.} {01}", ["a/b.c", "/p/q.r"],
            "echo a/b.c /p/q.r /p/q.r a/b q.r /p q a/b.c"
        ),
        ("echo {1} {2} {-1} {1.} {2/} {2//} {2/.} {01}", ["x", "/p/q.r"], "echo x /p/q.r /p/q.r x q.r /p q x"),
        ("echo {-1} {-2} {-2//} {-1/.}", ["a/b.c", "/p/q.r"], "echo /p/q.r a/b.c a q"),
        ("echo", ["a", "c"], "echo a c"),
        ("echo", ["a", "d e"], "echo a 'd e'"),
        ("echo {.}", ["a.b", "d e.f"], "echo a 'd e'"),
        ("echo {#}", ["b"], "echo 1"),
        ("echo {%}x", ["a"], "echo 1x"),
        ("echo {1", ["a.b"], "echo {1 a.b"),
        ("echo 1} {1}", ["a.b"], "echo 1} a.b"),
        ("cp {} {.}.bak", ["a/b.c"], "cp a/b.c a/b.bak"),
        (
            "convert -resize {2}x {1} out/{1/.}-{2}.png", ["i/a.jpg", "640"],
            "convert -resize 640x i/a.jpg out/a-640.png"
        ),
    ]

    @Test("beside braces, a plain value is quoted where parallel leaves it bare")
    func braces() throws {
        // parallel: echo {ab.c} {ab} {ab.c} ab} ab.c}
        #expect(
            try Template.shell("echo {{}} {{.}} {{1}} {.}} {}}", ["ab.c"])
                == "echo {'ab.c'} {'ab'} {'ab.c'} 'ab'} 'ab.c'}")
        // parallel: echo {..}{ }{a}{1a}{1..}{1///}{/./}aa.b
        #expect(
            try Template.shell("echo {..}{ }{a}{1a}{1..}{1///}{/./}{.}{}", ["a.b"])
                == "echo {..}{ }{a}{1a}{1..}{1///}{/./}'a''a.b'")
    }

    @Test("a text for the shell, as GNU parallel has it", arguments: parallel)
    func same(template: String, values: [String], command: String) throws {
        #expect(try Template.shell(template, values) == command)
    }

    @Test("an argument vector: no quoting, an argument for each source where the word is {} alone")
    func vectors() throws {
        #expect(try Template.arguments(["cp", "{}", "{.}.bak"], ["a b.c"]) == ["cp", "a b.c", "a b.bak"])
        #expect(try Template.arguments(["echo", "{}"], ["a b", "c"]) == ["echo", "a b", "c"])
        #expect(try Template.arguments(["echo", "{.}", "x{}y"], ["a b.c", "d"]) == ["echo", "a b", "d", "xa b.c dy"])
        #expect(try Template.arguments(["echo"], ["a b", "c"]) == ["echo", "a b", "c"])
        #expect(try Template.arguments(["echo", "a;b"], ["$x"]) == ["echo", "a;b", "$x"])
        #expect(try Template.arguments(["echo", "{#}/{%}"], ["a"], number: 12, slot: 3) == ["echo", "12/3"])
        #expect(try Template.arguments(["{}"], ["date"]) == ["date"])
        #expect(try Template.arguments(["sh", "-c", "{}"], ["echo a; echo b"]) == ["sh", "-c", "echo a; echo b"])
        #expect(try Template.arguments(["echo", ""], []) == ["echo", ""])
        #expect(try Template.arguments(["echo", "\\{}"], ["a"]) == ["echo", "\\a"])
    }

    @Test("a value is never read for placeholders, and stays what it is")
    func values() throws {
        for value in ["{}", "{1}", "{#}", "{.}", "-rf", "--", "a\nb", "it's", "\"", "$(id)", "\\", ""] {
            #expect(try Template.arguments(["echo", "{}", "{}{}"], [value]) == ["echo", value, value + value])
        }
        let bytes: [[UInt8]] = [[0xFF, 0xFE, 0x2E, 0xFD], [0xC3]]
        let template = try CommandTemplate(arguments: ["p", "{1.}", "{2}x", "{1/}"].map(Template.bytes))
        #expect(
            try template.expand(bytes, number: 1, slot: 1)
                == .arguments([[0x70], [0xFF, 0xFE], [0xC3, 0x78], [0xFF, 0xFE, 0x2E, 0xFD]]))
    }

    @Test("a newline is part of a path, where parallel's expressions stop")
    func newlines() throws {
        #expect(
            try Template.arguments(["p", "{/}", "{.}", "{//}", "{/.}"], ["a\nb/c\nd.e\nf"]) == [
                "p", "c\nd.e\nf", "a\nb/c\nd", "a\nb", "c\nd",
            ])
    }

    /// Words, and whether they are a text for the shell.
    static let forms: [([String], Bool)] = [
        (["date"], false), (["./run-it.sh"], false), (["{}"], false), (["bin/{1/}.sh"], false), (["a=b"], false),
        (["grün"], false), (["echo a"], true), (["echo\ta"], true), (["a;b"], true), (["a|b"], true), (["a&"], true),
        (["$x"], true), (["`x`"], true), (["a>b"], true), (["*.sh"], true), (["a?"], true), (["[a]"], true),
        (["'a'"], true), (["\"a\""], true), (["a\\b"], true), (["(a)"], true), (["{a,b}"], true), (["~/x"], true),
        (["#a"], true), (["!"], true), (["a\nb"], true), (["{}{"], true), (["echo", "a b"], false),
        (["a;b", "c"], false),
    ]

    @Test("one word with a blank or a sign of the shell's is a text for it", arguments: forms)
    func form(words: [String], isShell: Bool) throws {
        let template = try CommandTemplate(words: words.map(Template.bytes))
        #expect(
            template.form
                == (isShell ? .shell(text: Template.bytes(words[0])) : .arguments(words.map(Template.bytes))))
    }

    @Test("what has a place for something")
    func places() throws {
        for text in ["a {}", "a {#}", "a {%}", "a {1}", "a {-1/.}", "a \"{//}\""] {
            #expect(try CommandTemplate(shell: Template.bytes(text)).hasPlaceholders, "\(text)")
        }
        for text in ["a", "a {", "a {x}", "a {-}", "a {1x}", "a \\{}", "a ${#}", "a {+1}", "a {1#}", "a {1 .}"] {
            #expect(try !CommandTemplate(shell: Template.bytes(text)).hasPlaceholders, "\(text)")
        }
    }

    @Test("the line of a log keeps {%}, and a shell reads a vector's line as the vector")
    func lines() throws {
        let shell = try CommandTemplate(shell: Template.bytes("a {%} \"{%}\" $(({%}+{#})) {}"))
        #expect(
            Template.text(try shell.logLine([Template.bytes("x y")], number: 7)) == "a {%} \"{%}\" $(({%}+7)) 'x y'")
        let vector = try CommandTemplate(arguments: ["a b", "{}", "x={}", "{%}"].map(Template.bytes))
        #expect(
            Template.text(try vector.logLine([Template.bytes("it's")], number: 7))
                == #"'a b' 'it'\''s' 'x=it'\''s' '{%}'"#)
    }

    @Test("names of files and tags: neither quoted nor appended to")
    func texts() throws {
        let values = [Template.bytes("a b/c d.png"), Template.bytes("2")]
        for (text, expanded) in [
            ("{1/.}.webp", "c d.webp"), ("out/{2}/{#}-{%}", "out/2/4-5"), ("plain", "plain"), ("{}", "a b/c d.png 2"),
            ("\\{1/}", "\\c d.png"),
        ] {
            let template = try TextTemplate(Template.bytes(text))
            #expect(Template.text(try template.expand(values, number: 4, slot: 5)) == expanded)
        }
        for (text, each) in [
            ("{}", ["a b/c d.png", "2"]), ("in/{/.}", ["in/c d", "in/2"]), ("{2}", ["2"]), ("{#}", ["4"]),
        ] {
            let template = try TextTemplate(Template.bytes(text))
            #expect(try template.expandEach(values, number: 4, slot: 5).map(Template.text) == each)
            #expect(template.takesAllValues == (each.count > 1))
        }
        #expect(throws: TemplateError.noSource(placeholder: "{3}", sources: 2)) {
            try TextTemplate(Template.bytes("{3}")).check(sources: 2)
        }
    }
}
