import MusterCore
import MusterScheduling

extension Grant {
    func report(_ value: String) -> TaskReport {
        var (values, seconds) = (LineColumn(), LineColumn())
        for _ in 0..<key.count {
            values.append(line: value.utf8)
            seconds.append(line: "0.5".utf8)
        }
        return TaskReport(
            key: key, ticket: ticket, start: key.first, values: values, seconds: seconds, failures: [],
            secondsTotal: 0.5 * Double(key.count))
    }
}
