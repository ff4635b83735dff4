import Testing

@testable import MusterCommandLine
@testable import MusterCommands

@Suite struct ManualTests {
    static let table = MusterCommand.table

    /// A page as a reader sees it, near enough: without macros and escapes.
    static func plain(_ roff: String) -> String {
        var text = roff
        for (escape, character) in [
            ("\\fB", ""), ("\\fI", ""), ("\\fR", ""), ("\\-", "-"), ("\\ ", " "), ("\\(aq", "'"), ("\\(dq", "\""),
            ("\\(ga", "`"), ("\\(ti", "~"), ("\\(ha", "^"), ("\\&", ""), ("\\e", "\\"),
        ] { text = text.replacing(escape, with: character) }
        return text
    }

    @Test func aPageInFull() {
        let page = Manual.page(of: SampleTable.read, in: SampleTable.table, date: "2026-01-31")
        #expect(page == Self.readPage)
    }

    @Test(arguments: table.commands.map(\.name)) func everyFlagIsInItsPage(_ name: String) throws {
        let command = try #require(Self.table.command(named: name))
        let page = Self.plain(Manual.page(of: command, in: Self.table, date: "2026-01-31"))
        #expect(page.contains(".SH NAME\nmuster-\(name) - \(command.summary)\n"))
        for flag in command.flags where !flag.isHidden {
            #expect(page.contains("\n\(flag.short.map { "-\($0), " } ?? "")--\(flag.name)"), "no --\(flag.name)")
            #expect(page.contains(flag.environmentName), "no \(flag.environmentName)")
        }
        for positional in command.positionals { #expect(page.contains("\n.TP\n\(positional.name)\n")) }
        for example in command.examples { #expect(page.contains("\n\(example.line)\n")) }
    }

    @Test func everyCommandIsInTheOverviewAndHasAPage() {
        let files = Manual.files(.man, of: Self.table, date: "2026-01-31")
        #expect(files.map(\.name) == ["muster.1"] + Self.table.commands.map { "muster-\($0.name).1" })
        let overview = Self.plain(files[0].text)
        for command in Self.table.commands {
            #expect(overview.contains("\n.TP\n\(command.name)\n"))
            #expect(overview.contains(".BR muster-\(command.name) (1)"))
        }
    }

    @Test func hiddenFlagsAreInNoPage() {
        #expect(!Manual.page(of: SampleTable.draw, in: SampleTable.table, date: "2026-01-31").contains("inner"))
        #expect(!Manual.files(.markdown, of: SampleTable.table, date: "")[0].text.contains("--inner"))
    }

    /// A line of text never becomes a request, and what is typed can be copied.
    @Test func textIsText() {
        let command = Command(
            name: "odd", summary: "odd", description: [".so /etc/passwd", "'quoted' \\fB ~^` …"]
        ) { _ in }
        let page = Manual.page(of: command, in: SampleTable.table, date: "2026-01-31")
        #expect(page.contains("\n\\&.so /etc/passwd\n"))
        #expect(page.split(separator: "\n").allSatisfy { !$0.hasPrefix(".so") })
        #expect(page.contains("\n\\&\\(aqquoted\\(aq \\efB \\(ti\\(ha\\(ga \\[u2026]\n"))
    }

    @Test func oneMarkdownPageHasThemAll() throws {
        let file = try #require(Manual.files(.markdown, of: Self.table, date: "").first)
        #expect(file.name == "cli.md")
        for command in Self.table.commands {
            #expect(file.text.contains("\n## muster \(command.name)\n"))
            #expect(file.text.contains("(#muster-\(command.name))"))
            for flag in command.flags where !flag.isHidden { #expect(file.text.contains("--\(flag.name)")) }
        }
        #expect(!file.text.contains("\n\n\n"))
        #expect(!file.text.split(separator: "\n").contains { $0.last == " " })
    }

    static let readPage = """
        .\\" Made from the program's own table of commands.
        .TH MUSTER\\-READ 1 2026-01-31 "muster 9.9" "Muster manual"
        .SH NAME
        muster\\-read \\- read files
        .SH "SYNOPSIS"
        .ad l
        .nh
        \\fBmuster\\fR
        read
        [FILES]...\\&
        [COMMON\\ OPTION]...\\&
        .SH "DESCRIPTION"
        Reads them.
        .SH "ARGUMENTS"
        .TP
        \\fIFILES\\fR
        Files to read.
        .SH "COMMON OPTIONS"
        .TP
        \\fB\\-h\\fR, \\fB\\-\\-help\\fR
        Print this help.
        .SH "EXIT STATUS"
        .TP
        \\fB0\\fR
        The work is done.
        .TP
        \\fB64\\fR
        The command line or an environment variable is wrong.
        .SH "SEE ALSO"
        .BR muster (1)

        """
}
