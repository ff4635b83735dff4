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
}
