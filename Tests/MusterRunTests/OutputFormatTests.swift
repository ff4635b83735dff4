import MusterCommandLine
import MusterRun
import MusterWire
import Testing

@Suite struct OutputFormatTests {
    private func end(_ line: String) throws -> TaskEnd { try TaskEnd(line: Array(line.utf8)[...]) }

    @Test func aLineOfResultsIsRead() throws {
        let good = try end(
            #"{"task":17,"value":{"exitCode":0,"stdout":"a\n","stderrBase64":"/wE=","start":1.5,"seconds":0.25},"worker":"w","attempt":2,"seconds":0.3}"#
        )
        #expect(good.task == 17 && good.worker == "w" && good.attempt == 2 && !good.hasFailed && good.code == 0)
        #expect(good.stdout == Array("a\n".utf8) && good.stderr == [0xFF, 0x01])
        #expect(good.start == 1.5 && good.seconds == 0.25)
        let killed = try end(
            #"{"task":0,"error":"ended by signal KILL (9)","value":{"exitCode":137,"signal":"KILL","stdout":"x","stdoutCut":true,"stdoutBytes":9},"worker":"w","attempt":1,"seconds":1}"#
        )
        #expect(killed.hasFailed && killed.code == 137 && killed.signalNumber == 9 && killed.stdoutBytes == 9)
        let never = try end(#"{"task":0,"error":"no room","worker":"w","attempt":1,"seconds":0}"#)
        #expect(never.code == 255 && never.stdout.isEmpty)
        #expect(try end(#"{"task":0,"error":"timed out after 5 s","worker":"","attempt":1,"seconds":5}"#).hasTimedOut)
    }

    @Test(arguments: ["{}", #"{"task":0,"value":5}"#, #"{"task":-1,"error":"x"}"#, "[]", "null"])
    func whatIsNoneIsRefused(_ line: String) {
        if line != "{}" { #expect(throws: Problem.self) { try end(line) } }
    }

    @Test(arguments: [
        ("a\nb\n", "v\ta\nv\tb\n"), ("a", "v\ta\n"), ("", ""), ("\n\n", "v\t\nv\t\n"), ("a\nb", "v\ta\nv\tb\n"),
    ])
    func aTagStandsBeforeEachLine(_ text: String, _ shown: String) {
        var end = TaskEnd(task: 0)
        end.stdout = Array(text.utf8)
        end.stderr = end.stdout
        let printed = OutputFormat.printed(end, tag: Array("v".utf8))
        #expect(printed == Printed(stdout: Array(shown.utf8), stderr: Array(shown.utf8)))
        #expect(OutputFormat.printed(end, tag: nil) == Printed(stdout: end.stdout, stderr: end.stderr))
        let whole = OutputFormat.printed(end, tag: nil, wholeLines: true)
        for (text, before) in [(whole.stdout, end.stdout), (whole.stderr, end.stderr)] where !before.isEmpty {
            #expect(text.last == 0x0A && text.starts(with: before) && text.count <= before.count + 1)
        }
    }

    @Test func aTagIsOneLine() {
        #expect(OutputFormat.tag([Array("a\nb".utf8), [0xFF]]) == Array("a?b ".utf8) + [0xFF])
    }

    @Test func theFirstThatFailedAreNamed() {
        var report = RunReport()
        for task in 0..<9 {
            var end = TaskEnd(task: task)
            if task > 0 { end.reason = "exit code \(task)" }
            report.add(end, name: RunReport.name(number: task + 1, values: task == 1 ? [] : [Array("v\(task)".utf8)]))
        }
        #expect(report.succeeded == 1 && report.failed == 8 && report.ended == 9)
        #expect(report.lines.count == 6 && report.lines.last == "… and 3 more")
        #expect(report.lines.prefix(2) == ["failed: task 2: exit code 1", "failed: \"v2\": exit code 2"])
    }
}
