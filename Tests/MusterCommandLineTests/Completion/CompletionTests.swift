import Glibc
import MusterTestKit
import Testing

@testable import MusterCommandLine
@testable import MusterCommands

/// Each script is run by its own shell, with the program's real table.
@Suite struct CompletionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        /// The words up to the cursor; the last one is being typed.
        let words: [String]
        let offered: [String]
        init(_ line: String, _ offered: [String]) {
            words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            self.offered = offered.sorted()
        }
        var testDescription: String { words.joined(separator: " ") }
    }

    static let everyShell: [Case] = [
        Case("muster su", ["submit"]),
        Case("muster jo", ["job", "jobs", "join-command"]),
        Case(
            "muster submit ", ["container", "exec", "fail", "mandelbrot", "noop", "primes", "random", "sleep", "sum"]),
        Case("muster submit s", ["sleep", "sum"]),
        Case("muster submit --priority ", ["batch", "interactive"]),
        Case("muster submit noop --priority i", ["interactive"]),
        Case("muster submit -n 5 n", ["noop"]),
        Case("muster submit --count 5 --wait n", ["noop"]),
        Case("muster submit noop --co", ["--config", "--coordinator", "--copies", "--count"]),
        Case("muster jobs --log-f", ["--log-format"]),
        Case("muster jobs --log-format ", ["json", "text"]),
        Case("muster completion ", ["bash", "fish", "zsh"]),
        Case("muster help co", ["completion", "coordinator"]),
    ]

    /// Zsh offers flags where no argument is left.
    static let noArgumentLeft = [Case("muster submit noop ", [])]

    static let files = [
        Case("muster submit --input /etc/os-relea", ["/etc/os-release"]),
        Case("muster coordinator --data /usr/loc", ["/usr/local"]),
    ]

    static let bashOnly: [Case] = [
        // Bash takes --priority=b apart at the equals sign.
        Case("muster submit --priority = b", ["batch"]),
        Case("muster submit --priority =", ["batch", "interactive"]),
        Case("muster submit --priority=i", ["--priority=interactive"]),
        Case(
            "muster submit --json = true ",
            ["container", "exec", "fail", "mandelbrot", "noop", "primes", "random", "sleep", "sum"]),
        Case("muster submit -- s", ["sleep", "sum"]),
        Case("muster submit -- --", []),
        Case("muster --v", ["--version"]),
    ]

    @Test(
        .enabled(if: Shells.has("bash"), "bash is not installed"),
        arguments: everyShell + noArgumentLeft + files + bashOnly)
    func bash(_ test: Case) throws {
        let words = test.words.map(Shells.quoted).joined(separator: " ")
        let offered = try Shells.run(
            "bash", "--norc",
            CompletionScript.text(for: .bash, MusterCommand.table) + """

                COMP_WORDS=(\(words)) COMP_CWORD=\(test.words.count - 1)
                _muster
                printf '%s\\n' "${COMPREPLY[@]}"
                """)
        #expect(offered == test.offered)
    }

    @Test(.enabled(if: Shells.has("fish"), "fish is not installed"), arguments: everyShell + noArgumentLeft + files)
    func fish(_ test: Case) throws {
        let line = Shells.quoted(test.words.joined(separator: " "))
        let offered = try Shells.run(
            "fish", "--no-config",
            CompletionScript.text(for: .fish, MusterCommand.table)
                + "\ncomplete -C \(line) | string replace -r '\\t.*' ''\nexit 0\n")
        // Fish ends a directory with a slash.
        #expect(offered.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } == test.offered)
    }

    @Test(.enabled(if: Shells.has("zsh"), "zsh is not installed"), arguments: everyShell + files)
    func zsh(_ test: Case) throws {
        let completion = CompletionScript.text(for: .zsh, MusterCommand.table)
        let line = test.words.joined(separator: " ")
        // Zsh offers the last part of a path only.
        let expected = test.offered.map { $0.hasPrefix("/") ? String($0.split(separator: "/").last ?? "") : $0 }
        let offered = try Shells.run("zsh", "-f", Shells.zshHarness(line: line, completion: completion))
        #expect(offered == expected)
    }

    @Test(arguments: Shell.allCases.filter { Shells.has($0.rawValue) })
    func scriptsAreWellFormed(_ shell: Shell) throws {
        for table in [MusterCommand.table, SampleTable.table] {
            #expect(try Shells.run(shell.rawValue, "-n", CompletionScript.text(for: shell, table)) == [])
        }
    }

    @Test(arguments: Shell.allCases) func hiddenFlagsAreNotOffered(_ shell: Shell) {
        let script = CompletionScript.text(for: shell, SampleTable.table)
        #expect(script.contains("speed"))
        #expect(!script.contains("inner"))
    }
}
