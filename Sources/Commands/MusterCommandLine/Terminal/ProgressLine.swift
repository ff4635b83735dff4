package import MusterCore

/// Progress as text: pure, so that it can be tested without a terminal or a clock.
package enum ProgressLine {
    /// One line for a terminal, never longer than `width`: the parts that matter least go first when it is narrow.
    package static func bar(_ state: ProgressState, now: Moment, width: Int) -> String {
        let failed = state.failed > 0 ? ["\(Format.count(state.failed)) failed"] : []
        let rate = state.meter.perSecond.map { [Format.rate($0)] } ?? []
        let elapsed = [Format.clock(state.elapsedSeconds(now))]
        guard let total = state.total else {
            let done = [state.label, Format.count(state.done)]
            return fit([done + failed + rate + elapsed, done + failed + rate, done, [Format.count(state.done)]], width)
        }
        let percent = [leftPadded(Format.percent(state.done, of: total), to: 4)]
        let counts = ["\(Format.count(state.done))/\(Format.count(total))"]
        let left = state.secondsLeft.map { [Format.clock($0) + " left"] } ?? []
        let name = [state.label]
        if let waiting = state.waiting {
            let reason = ["waiting: \(waiting)"]
            return fit(
                [name + percent + counts + failed + reason + elapsed, name + percent + reason, name + reason], width)
        }
        let full = name + percent + counts + failed + rate + left + elapsed
        // Two spaces before the bar, two brackets; a bar under ten cells says nothing.
        let room = width - joined(full).count - 4
        if room >= 10 {
            let cells = meter(Format.percentage(state.done, of: total), cells: min(room, 40))
            return joined(name + percent + [cells] + counts + failed + rate + left + elapsed)
        }
        return fit(
            [full, name + percent + counts + failed + left, name + percent + failed + left, name + percent, percent],
            width)
    }

    /// One line for a log or a pipe, without the newline.
    package static func plain(_ state: ProgressState, now: Moment) -> String {
        var parts: [String] = []
        if let total = state.total {
            parts.append(
                "\(Format.count(state.done)) of \(Format.count(total)) (\(Format.percent(state.done, of: total)))")
        } else {
            parts.append("\(Format.count(state.done)) done")
        }
        if state.failed > 0 { parts.append("\(Format.count(state.failed)) failed") }
        if let rate = state.meter.perSecond { parts.append(Format.rate(rate)) }
        if let waiting = state.waiting { parts.append("waiting: \(waiting)") }
        if let left = state.secondsLeft, left > 0 { parts.append("\(Format.duration(left)) left") }
        parts.append("\(Format.duration(state.elapsedSeconds(now))) elapsed")
        return "\(state.label): \(parts.joined(separator: ", "))"
    }

    /// The last line: how much in how long, at which mean rate.
    package static func last(_ state: ProgressState, now: Moment) -> String {
        let seconds = state.elapsedSeconds(now)
        let amount =
            state.total.map {
                $0 == state.done ? Format.count($0) : "\(Format.count(state.done)) of \(Format.count($0))"
            }
            ?? Format.count(state.done)
        let failed = state.failed > 0 ? ", \(Format.count(state.failed)) failed" : ""
        let rate = seconds > 0 ? ", " + Format.rate(Double(state.done - state.doneBefore) / seconds) : ""
        return "\(state.label): \(amount) done\(failed) in \(Format.duration(seconds))\(rate)"
    }

    private static func meter(_ percentage: Int, cells: Int) -> String {
        let filled = cells * percentage / 100
        let head = filled > 0 && filled < cells ? ">" : ""
        let bar = String(repeating: "=", count: filled - head.count) + head
        return "[" + bar + String(repeating: " ", count: cells - filled) + "]"
    }

    private static func joined(_ parts: [String]) -> String { parts.joined(separator: "  ") }

    private static func leftPadded(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// The first version that fits; the last one, cut, if none does.
    private static func fit(_ versions: [[String]], _ width: Int) -> String {
        for parts in versions where joined(parts).count <= width { return joined(parts) }
        return String(joined(versions.last ?? []).prefix(max(0, width)))
    }
}
