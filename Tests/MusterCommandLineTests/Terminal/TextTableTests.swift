import Testing

@testable import MusterCommandLine

@Suite struct TextTableTests {
    static var jobs: TextTable {
        var table = TextTable([.init("ID", .right), .init("KERNEL"), .init("DONE", .right)])
        table.add(["1", "noop", "1,000"])
        table.add(["12", "mandelbrot", "7"])
        return table
    }

    @Test func columnsAreAligned() {
        #expect(
            Self.jobs.rendered(width: nil) == """
                ID  KERNEL       DONE
                 1  noop        1,000
                12  mandelbrot      7

                """)
    }

    @Test func longLinesAreCut() {
        #expect(Self.jobs.rendered(width: 10) == "ID  KERNE…\n 1  noop …\n12  mande…\n")
        #expect(Self.jobs.rendered(width: 21) == Self.jobs.rendered(width: nil))
    }

    @Test func noRowsLeaveTheTitles() {
        #expect(TextTable([.init("A"), .init("B")]).rendered(width: nil) == "A  B\n")
    }

    @Test func cellsAreMadePrintable() {
        var table = TextTable([.init("NAME")])
        table.add(["a\u{1B}[31m\nb\u{9B}"])
        #expect(table.rendered(width: nil) == "NAME\na?[31m?b?\n")
    }
}
