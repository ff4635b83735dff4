internal import MusterCore
internal import MusterSystem

/// When a line is due where lines cannot be redrawn: at once when there is another reason why nothing moves, at most one a
/// second on crossing a tenth, else one every five seconds.
struct PlainPacing: Sendable {
    private var lastAt: Moment
    private var lastTenth = 0
    private var lastWaiting: String?

    init(started: Moment) { lastAt = started }

    mutating func isDue(_ state: ProgressState, now: Moment) -> Bool {
        let since = (now - lastAt).inSeconds
        let tenth = state.total.map { Format.percentage(state.done, of: $0) / 10 } ?? 0
        let isStuck = state.waiting != nil && state.waiting != lastWaiting
        guard since >= 5 || isStuck || (since >= 1 && tenth > lastTenth) else { return false }
        lastWaiting = state.waiting
        lastAt = now
        lastTenth = tenth
        return true
    }
}

/// Progress on standard error: a bar that is redrawn up to ten times a second on a terminal, else now and then a line.
///
/// Call `update` as often as you like, and `finish` once, whatever happened; nothing is printed after that.
@MainActor package final class ProgressBar {
    private var state: ProgressState
    private var pacing: PlainPacing
    private let terminal: Terminal
    private let isQuiet: Bool
    private var isDrawn = false
    private var ticking: Task<Void, Never>?

    private static let redrawEvery = Duration.milliseconds(100)

    /// `total` nil: not known. `done`: what was done before, which does not count into the rate.
    package init(label: String, total: Int?, done: Int = 0, terminal: Terminal, isQuiet: Bool) {
        let now = SystemTime.now()
        state = ProgressState(label: label, total: total, done: done, started: now)
        pacing = PlainPacing(started: now)
        self.terminal = terminal
        self.isQuiet = isQuiet
        guard !isQuiet else { return }
        // Weak: a bar that is dropped without `finish` stops by itself.
        ticking = Task { [weak self] in
            while !Task.isCancelled, self?.tick() != nil {
                try? await Task.sleep(for: Self.redrawEvery)
            }
        }
    }

    deinit { ticking?.cancel() }

    /// Takes the new counts; they show at the next redraw.
    package func update(done: Int, failed: Int = 0, waiting: String? = nil) {
        state.done = done
        state.failed = failed
        state.waiting = waiting.map(Terminal.clean)
    }

    /// The amount became known, or changed.
    package func update(total: Int?) { state.total = total }

    /// Prints a line of its own above the bar. Control characters are replaced; silent under `--quiet`.
    package func note(_ text: String) {
        guard !isQuiet else { return }
        clear()
        terminal.write(Terminal.clean(text) + "\n")
        if ticking != nil { tick() }
    }

    /// Ends the bar with one last line, on a terminal and elsewhere.
    package func finish() {
        guard let task = ticking else { return }
        task.cancel()
        ticking = nil
        clear()
        // Of what never began there is nothing to say.
        guard state.done > 0 || state.total != nil else { return }
        terminal.write(ProgressLine.last(state, now: SystemTime.now()) + "\n")
    }

    /// Makes room for what others print to the same terminal; the bar comes back at the next redraw.
    package func makeRoom() { clear() }

    /// Ends the bar without a word.
    package func remove() {
        ticking?.cancel()
        ticking = nil
        clear()
    }

    private func tick() {
        let now = SystemTime.now()
        state.tick(now)
        if terminal.isInteractive {
            // The last column stays free: some terminals wrap as soon as it is written.
            terminal.write("\r" + ProgressLine.bar(state, now: now, width: terminal.width - 1) + "\u{1B}[K")
            isDrawn = true
        } else if pacing.isDue(state, now: now) {
            terminal.write(ProgressLine.plain(state, now: now) + "\n")
        }
    }

    private func clear() {
        if isDrawn { terminal.write("\r\u{1B}[K") }
        isDrawn = false
    }
}
