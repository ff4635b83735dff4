import Testing

@testable import MusterCommandLine
@testable import MusterCommands

@Suite struct HelpTests {
    @Test func aPageInFull() {
        let page = Help.page(for: SampleTable.draw, in: SampleTable.table, width: 72)
        #expect(page == Self.drawPage)
    }

    @Test func theOverview() {
        #expect(
            Help.overview(SampleTable.table, width: 60) == """
                muster 9.9: a sample.

                Usage: muster COMMAND [ARGUMENT]... [FLAG]...

                Commands:
                  draw  draw something
                  show  show one
                  read  read files
                  help  explain a command

                'muster help COMMAND' explains a command; 'muster --version'
                prints the version. Every flag can also be set by an
                environment variable, which the command's help names, or in
                a file (--config FILE).

                """)
    }

    @Test(arguments: MusterCommand.table.commands.map(\.name), [40, 80, 100])
    func everyPageIsWholeAndFits(_ name: String, _ width: Int) throws {
        let command = try #require(MusterCommand.table.command(named: name))
        let page = Help.page(for: command, in: MusterCommand.table, width: width)
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
        for title in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES"] {
            #expect(lines.contains(title[...]), "\(name) has no \(title)")
        }
        for flag in command.flags where !flag.isHidden {
            #expect(page.contains("--\(flag.name)"))
            // A variable's name is never broken, so it is found however narrow the page is.
            #expect(page.contains(flag.environmentName))
        }
        // Examples stand as they are to be typed, and a long word stands alone on its line.
        let examples = command.examples.map(\.line)
        for line in lines where line.count > width {
            let text = String(line.drop { $0 == " " })
            #expect(examples.contains(text) || !text.contains(" "), "too wide: \(line)")
        }
        #expect(!lines.contains { $0.last == " " })
    }

    @Test(arguments: MusterCommand.table.commands.flatMap(\.examples).map(\.line))
    func everyExampleIsAGoodCommandLine(_ line: String) throws {
        let start = try #require(line.firstRange(of: "muster "))
        let ends: Set<Character> = ["|", ">", "\""]
        var words = line[start.upperBound...].prefix { !ends.contains($0) }.split(separator: " ").map(String.init)
        if let last = words.last, last.hasSuffix(")") { words[words.count - 1].removeLast() }
        guard case .run = try MusterCommand.table.parse(words, environment: [:]) else {
            Issue.record("\(line) does not run a command")
            return
        }
    }

    @Test func textIsWrappedAtSpaces() {
        #expect(TextWrap.lines("aa bb  cc", width: 5) == ["aa bb", "cc"])
        #expect(TextWrap.lines("aa bb cc", width: 7, indent: 2) == ["  aa bb", "  cc"])
        #expect(TextWrap.lines("a incomprehensible b", width: 6) == ["a", "incomprehensible", "b"])
        #expect(TextWrap.lines("", width: 6).isEmpty)
    }

    static let drawPage = """
        NAME
            muster draw - draw something

        SYNOPSIS
            muster draw WHAT [LEVEL] [--speed N] [--size N] [--ratio R]
                [--wait-seconds SECONDS] [--loud] [--color COLOR]
                [--output FILE] [--home DIR] [--key KEY] [--pair K=V]...
                [--labels K=V,...]... [COMMON OPTION]...

        DESCRIPTION
            Draws what it is told to, as large and as fast as it is told to, on
            whatever there is.

            Twice.

        ARGUMENTS
            WHAT
                What to draw. Known here: apple, pear.
            LEVEL
                How high. One of: low, high.

        OPTIONS
            -s, --speed N
                How fast. A whole number from 1 to 10. Default: 3. Environment:
                MUSTER_SPEED.
            --size N
                How large. A whole number from 0 to 100. Environment:
                MUSTER_SIZE.
            --ratio R
                How much of it. A number from 0 to 1. Default: 0.5. Environment:
                MUSTER_RATIO.
            --wait-seconds SECONDS
                How long. A number of seconds from 0 to 60. Default: 1.5.
                Environment: MUSTER_WAIT_SECONDS.
            -l, --loud
                Say more. Environment: MUSTER_LOUD.
            --color COLOR
                Which colour. One of: red, green. Default: red. Environment:
                MUSTER_COLOR.
            -o, --output FILE
                Where to. Environment: MUSTER_OUTPUT.
            --home DIR
                Where from. Environment: MUSTER_HOME.
            --key KEY
                The key to show. Environment: MUSTER_KEY.
            -p, --pair K=V
                A pair. May be repeated. Environment: MUSTER_PAIR.
            --labels K=V,...
                Labels. May be repeated, or hold several with commas between.
                Environment: MUSTER_LABELS.

        COMMON OPTIONS
            --server URL
                Whom to ask. Default: http://localhost. Environment: MUSTER_URL.
            --config FILE
                A file of settings: NAME = VALUE a line, under the names of
                flags or of their variables, which both go before it.
                Environment: MUSTER_CONFIG.
            -h, --help
                Print this help.

        EXIT STATUS
            0   It is drawn.
            64  The command line or an environment variable is wrong.
            66  A file cannot be read, or what was asked for does not exist.
            78  The settings do not fit together, or a file of them is wrong.

        EXAMPLES
            muster draw apple -s 5
                A fast apple.

        """
}
