import Testing

@testable import MusterRun

@Suite struct RunReportTests {
    @Test("of those that failed the first five in the order of values are named, whenever they failed")
    func firstInOrder() {
        var report = RunReport()
        for task in [9, 3, 7, 0, 8, 5, 1, 6] {
            var end = TaskEnd(task: task)
            if task != 5 { end.reason = "exit code \(task)" }
            report.add(end, name: "\"\(task)\"")
        }
        #expect(report.succeeded == 1 && report.failed == 7)
        #expect(
            report.lines == [0, 1, 3, 6, 7].map { "failed: \"\($0)\": exit code \($0)" } + ["… and 2 more"])
    }

    /// To the fleet such a task is done, so that it is no part of a halt either.
    @Test func filesThatDidNotComeAreToldApart() {
        var report = RunReport()
        for task in 0..<4 {
            var end = TaskEnd(task: task)
            if task == 1 { end.loseFiles("out is there already") }
            report.add(end, name: "\(task)")
        }
        #expect(report.counts(of: 1_000) == "what 1 of 1,000 tasks returned did not come")
        var end = TaskEnd(task: 5)
        end.reason = "exit code 1"
        report.add(end, name: "5")
        #expect(report.counts(of: 9) == "1 of 9 tasks failed, what 1 of 9 tasks returned did not come")
        #expect(RunReport().counts(of: 9).isEmpty)
    }
}
