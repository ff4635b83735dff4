import Glibc
import Testing

@testable import MusterCommandLine

@Suite @MainActor struct ProgressBarTests {
    /// A pipe in the place of standard error; reading does not wait.
    final class Screen {
        private var ends: [Int32] = [0, 0]
        private(set) var text = ""

        init() throws {
            try #require(pipe(&ends) == 0)
            for end in ends { try #require(fcntl(end, F_SETFL, O_NONBLOCK) == 0) }
        }
        deinit { for end in ends { close(end) } }

        func terminal(isInteractive: Bool) -> Terminal {
            Terminal(descriptor: ends[1], isInteractive: isInteractive, usesColor: false, fallbackWidth: 60)
        }

        func read() -> String {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = Glibc.read(ends[0], &bytes, bytes.count)
            text += String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            return text
        }

        /// Until the text is on the screen, for ten seconds at most.
        func waits(for part: String) async throws -> Bool {
            for _ in 0..<1000 {
                if read().contains(part) { return true }
                try await Task.sleep(for: .milliseconds(10))
            }
            return false
        }
    }

    @Test func aTerminalIsRedrawnInPlace() async throws {
        let screen = try Screen()
        let bar = ProgressBar(
            label: "noop", total: 1000, terminal: screen.terminal(isInteractive: true), isQuiet: false)
        #expect(try await screen.waits(for: "\rnoop    0%"))
        bar.update(done: 500)
        #expect(try await screen.waits(for: "500/1,000"))
        bar.note("worker\u{1B} left")
        #expect(screen.read().contains("\r\u{1B}[Kworker? left\n\rnoop"))
        bar.update(done: 1000)
        bar.finish()
        bar.finish()
        let end = screen.read()
        #expect(end.contains("\r\u{1B}[Knoop: 1,000 done in "))
        #expect(end.hasSuffix("/s\n"))
        #expect(end.split(separator: "\r").allSatisfy { $0.split(separator: "\u{1B}")[0].count < 60 })
    }

    @Test func elsewhereTheLastLineIsPrintedOnce() throws {
        let screen = try Screen()
        let bar = ProgressBar(label: "sum", total: nil, terminal: screen.terminal(isInteractive: false), isQuiet: false)
        bar.update(done: 12)
        bar.finish()
        bar.finish()
        let text = screen.read()
        #expect(text.hasPrefix("sum: 12 done in "))
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == 2)
        #expect(!text.contains("\r"))
    }

    @Test func quietIsQuiet() async throws {
        let screen = try Screen()
        let bar = ProgressBar(label: "sum", total: 5, terminal: screen.terminal(isInteractive: true), isQuiet: true)
        bar.update(done: 5)
        bar.note("unheard")
        bar.finish()
        #expect(screen.read().isEmpty)
    }
}
