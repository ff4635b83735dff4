internal import Glibc
internal import MusterAPI
package import MusterCommandLine
internal import MusterCore
internal import MusterJSON
internal import RunRules

/// Where what tasks printed goes: to standard output and standard error, in order or as it comes, or as a JSON line for each task.
@MainActor package final class RunOutput {
    package struct Options: Hashable, Sendable {
        /// As it comes, not in the order of the values.
        package var isUnordered = false
        /// What is printed at one time are whole lines: a last one without an end gets one. They come while commands run.
        package var hasWholeLines = false
        package var isTagged = false
        package var isJSON = false
        /// Progress was asked for: its last line stays. At a terminal it is shown anyway, and goes away.
        package var keepsProgress = false

        package init() {}
    }

    private let options: Options
    private let names: TaskNames
    private let out: StandardOutput
    private let bar: ProgressBar?
    private var held: HeldOutput
    /// Nil: nothing is printed before its command has ended.
    private var live: LiveOutputs?
    /// Tasks whose results were printed, where others' output comes before their ends.
    private var ended = ReceivedTasks(of: 0)

    /// `folder`: for files that hold output until its turn comes.
    package init(_ options: Options, names: TaskNames, out: StandardOutput, bar: ProgressBar?, folder: String) {
        (self.options, self.names, self.out, self.bar) = (options, names, out, bar)
        held = HeldOutput(folder: folder)
        live = options.hasWholeLines && !options.isJSON ? LiveOutputs() : nil
    }

    /// Whether it prints what comes while commands run.
    var isLive: Bool { live != nil }

    /// What a command has printed while it runs. Throws as `take` does.
    func take(_ piece: OutputPiece) throws {
        guard live != nil, (0..<Limits.jobTasksMax).contains(piece.task), !ended.contains(piece.task) else { return }
        let due = live!.take(
            piece.task, .init(attempt: piece.attempt, startMs: piece.startMs), isError: piece.stream == .stderr,
            piece.text[...], at: piece.offset)
        if !due.isEmpty { try write(printed(due, of: piece.task)) }
    }

    /// Throws `BrokenPipe`, or a `CommandError` where nothing can be written or held.
    package func take(_ end: TaskEnd) throws {
        let printed = options.isJSON ? Printed(stdout: jsonLine(end)) : text(of: end)
        if options.isUnordered { return try write(printed) }
        try held.take(end.task, printed) { try write($0) }
    }

    /// The rest of what is held, with nothing for tasks that are missing.
    package func finish() throws {
        try held.finish { try write($0) }
        for (task, output, error) in live?.rest() ?? [] {
            let tag = tag(of: task)
            try write(
                Printed(
                    stdout: OutputFormat.lines([output[...]], tag: tag),
                    stderr: OutputFormat.lines([error[...]], tag: tag))
            )
        }
        try flush()
    }

    package func flush() throws {
        bar?.makeRoom()
        try out.flush()
    }

    private func tag(of task: Int) -> [UInt8]? { options.isTagged ? OutputFormat.tag(names.tag(of: task)) : nil }

    private func note(_ text: String, in printed: inout Printed) {
        if let last = printed.stderr.last, last != 0x0A { printed.stderr.append(0x0A) }
        printed.stderr += Array((Terminal.clean("muster run: " + text) + "\n").utf8)
    }

    /// What is due of a task, behind what an attempt of it printed that has no result.
    private func printed(_ due: LiveOutputs.Due, of task: Int) -> Printed {
        let tag = tag(of: task)
        var printed = Printed()
        if due.abandoned != nil {
            printed.stdout = OutputFormat.lines([due.abandonedOutput[...]], tag: tag)
            printed.stderr = OutputFormat.lines([due.abandonedError[...]], tag: tag)
            note("\(names.name(of: task)) runs again: its lines so far are of a run that has no result", in: &printed)
        }
        printed.stdout += OutputFormat.lines(due.output, tag: tag)
        printed.stderr += OutputFormat.lines(due.error, tag: tag)
        return printed
    }

    /// Of what came while the command ran only the rest is left.
    private func rest(of end: TaskEnd) -> Printed {
        if end.task >= 0 { _ = ended.insert(end.task) }
        let run = end.start.map { LiveOutputs.Run(attempt: end.attempt, startMs: Int64(($0 * 1_000).rounded())) }
        let due = live!.finish(
            end.task, run, output: (end.stdout, end.stdoutBytes ?? end.stdout.count),
            error: (end.stderr, end.stderrBytes ?? end.stderr.count))
        var printed = printed(due, of: end.task)
        for (stream, lost, whole) in [
            ("output", due.outputLost, end.stdoutBytes), ("error output", due.errorLost, end.stderrBytes),
        ] where lost > 0 {
            // What a lost worker's last attempt printed has nobody either.
            let of = whole.map { "\(lost) of \($0) bytes are missing (--output-max)" } ?? "\(lost) bytes are missing"
            note("the \(stream) of \(names.name(of: end.task)) is cut: \(of)", in: &printed)
        }
        return printed
    }

    private func text(of end: TaskEnd) -> Printed {
        if live != nil { return rest(of: end) }
        var printed = OutputFormat.printed(end, tag: tag(of: end.task), wholeLines: options.hasWholeLines)
        for (stream, kept, whole) in [
            ("output", end.stdout.count, end.stdoutBytes), ("error output", end.stderr.count, end.stderrBytes),
        ] {
            guard let whole else { continue }
            let name = names.name(of: end.task)
            note("the \(stream) of \(name) is cut: \(kept) of \(whole) bytes (--output-max)", in: &printed)
        }
        return printed
    }

    /// The task's number and values, and what the worker says of it.
    private func jsonLine(_ end: TaskEnd) -> [UInt8] {
        var json = JSONWriter(reserving: 128 + end.stdout.count + end.stderr.count)
        json.beginObject()
        json.field("seq", names.number(of: end.task))
        if names.areKnown {
            json.key("values")
            json.beginArray()
            for value in names.values(of: end.task) { json.text(value) }
            json.endArray()
        }
        if let reason = end.reason { json.field("error", reason) }
        if let value = end.value { json.field("value", raw: value.bytes) }
        json.field("worker", end.worker)
        json.field("attempt", end.attempt)
        json.endObject()
        json.newline()
        return json.bytes
    }

    private func write(_ printed: Printed) throws {
        if printed.count == 0 { return }
        bar?.makeRoom()
        try out.write(printed.stdout)
        guard !printed.stderr.isEmpty else { return }
        // At one terminal both are read as they were written.
        try out.flush()
        Self.writeError(printed.stderr)
    }

    /// What standard error cannot take is not worth failing for.
    private static func writeError(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                var ready = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, -1)
                continue
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
