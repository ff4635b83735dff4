package import MusterAPI
internal import MusterCore
internal import MusterJSON
package import MusterKernels
package import MusterScheduling
internal import MusterSystem

/// Computes one batch, task by task, on a thread of its own.
package struct BatchRun {
    /// A report leaves after so much time or so many bytes, so that a long batch loses little with its worker.
    private static let partTime: Duration = .seconds(1)
    private static let partBytesMax = 4 << 20
    /// When what is left takes no longer, by the mean of what is done, the batch is nearly finished: about twice the time
    /// of an exchange with a coordinator nearby.
    private static let endNanoseconds = 3e6

    let offer: LeaseOffer
    let cancellation: Cancellation
    let means: TaskMeans
    /// Which of the worker's slots it has, from 1 on.
    let slot: Int
    /// Takes each report but the last; the last is returned.
    let emitPart: (TaskReport) -> Void
    /// Called at most once, before the last task.
    let announceEnd: () -> Void

    package init(
        offer: LeaseOffer, cancellation: Cancellation, means: TaskMeans, slot: Int = 1,
        emitPart: @escaping (TaskReport) -> Void, announceEnd: @escaping () -> Void = {}
    ) {
        self.offer = offer
        self.cancellation = cancellation
        self.means = means
        self.slot = slot
        self.emitPart = emitPart
        self.announceEnd = announceEnd
    }

    /// The last report; nil when nothing of it was left to report. `isWhole` is false when the batch was given up.
    package func run() -> (last: TaskReport?, isWhole: Bool) {
        let key = offer.grant.key
        let kernel: any Kernel
        do throws(Problem) {
            kernel = means.equip(try KernelTable.kernel(offer.grant.kernel, params: offer.grant.params))
        } catch {
            // Another version of the program may.
            return (failed(key, "this worker cannot run it: \(error.detail)"), true)
        }
        let isTransient = offer.grant.isTransient
        var part = Part(start: key.first, isBinary: isTransient)
        var partBegan = SystemTime.now()
        let began = partBegan
        var taskBegan = partBegan
        var isEnding = false
        let inputs = offer.inputs?.lines
        let timeout = offer.grant.timeoutSeconds
        let timer = type(of: kernel).timesItself ? nil : timeout.map { TaskTimer(seconds: $0, cancellation) }
        for task in key.tasks {
            if cancellation.isCancelled { return (part.report(offer), false) }
            let input = inputs.map { JSONValue(line: $0[task - key.first]) }
            do throws(TaskFailure) {
                var task = KernelTask(index: task, attempt: key.attempt, input: input)
                (task.job, task.slot, task.timeoutSeconds) = (key.job.rawValue, slot, timeout)
                let bytesMax = isTransient ? Limits.blobBytesMax : Limits.valueBytesMax
                let value = try compute(task, by: kernel, within: timer)
                if value.count > bytesMax {
                    throw TaskFailure("its value has \(value.count) bytes; at most \(bytesMax)")
                }
                part.add(value: value)
            } catch {
                if cancellation.isCancelled { return (part.report(offer), false) }
                // What keeps it from this task keeps it from the others, too.
                if error.isOwnFault { return (handedBack(part, from: task, error), true) }
                part.add(failure: error, of: task)
            }
            let now = SystemTime.now()
            part.add(time: now - taskBegan)
            taskBegan = now
            let isLast = task == key.tasks.upperBound - 1
            if !isEnding, !isLast, Self.isNearlyOver(key, after: task, began, now) {
                isEnding = true
                announceEnd()
            }
            if !isLast, part.bytes > Self.partBytesMax || now - partBegan > Self.partTime {
                emitPart(part.report(offer)!)
                part = Part(start: task + 1, isBinary: isTransient)
                partBegan = now
            }
        }
        return (part.report(offer), true)
    }

    private func compute(
        _ task: KernelTask, by kernel: any Kernel, within timer: TaskTimer?
    ) throws(TaskFailure) -> [UInt8] {
        let compute = { (cancellation: Cancellation) throws(TaskFailure) -> [UInt8] in
            try offer.grant.isTransient ? kernel.runTransient(task, cancellation) : kernel.run(task, cancellation)
        }
        guard let timer else { return try compute(cancellation) }
        return try timer.run(compute)
    }

    private static func isNearlyOver(_ key: LeaseKey, after task: Int, _ began: Moment, _ now: Moment) -> Bool {
        let done = task - key.first + 1
        // Beside the shortest tasks a duration's arithmetic, of 128 bits, would be felt.
        return Double(now.nanoseconds - began.nanoseconds) * Double(key.count - done) <= endNanoseconds * Double(done)
    }

    private func failed(_ key: LeaseKey, _ reason: String) -> TaskReport {
        let part = Part(start: key.first, isBinary: offer.grant.isTransient)
        return handedBack(part, from: key.first, TaskFailure(reason, isOwnFault: true))
    }

    /// Nothing more of the batch is tried here.
    private func handedBack(_ part: Part, from first: Int, _ fault: TaskFailure) -> TaskReport {
        var part = part
        for task in first..<offer.grant.key.tasks.upperBound {
            part.add(failure: task == first ? fault : TaskFailure("as task \(first)", isOwnFault: true), of: task)
            part.add(time: .zero)
        }
        return part.report(offer)!
    }

    /// A report as it grows.
    private struct Part {
        let start: Int
        private var values = LineColumn()
        private var seconds = LineColumn()
        private var failures: [TaskReport.Failure] = []
        private var secondsTotal = 0.0
        private var blobs: [ArraySlice<UInt8>]?
        private(set) var bytes = 0

        init(start: Int, isBinary: Bool) {
            self.start = start
            blobs = isBinary ? [] : nil
        }

        mutating func add(value: [UInt8]) {
            bytes += value.count
            if blobs == nil {
                values.append(line: value)
            } else {
                values.append(line: String(value.count).utf8)
                blobs!.append(value[...])
            }
        }

        mutating func add(failure: TaskFailure, of task: Int) {
            let left = blobs == nil ? failure.value ?? [] : []
            if left.isEmpty || left.count > Limits.valueBytesMax {
                values.append(line: "null".utf8)
            } else {
                values.append(line: left)
            }
            blobs?.append([])
            bytes += failure.reason.utf8.count + left.count
            let reason = String(decoding: failure.reason.utf8.prefix(64 << 10), as: UTF8.self)
            failures.append(TaskReport.Failure(task: task, reason: reason, isOwnFault: failure.isOwnFault))
        }

        mutating func add(time: Duration) {
            secondsTotal += time.inSeconds
            seconds.append(line: decimalSeconds(time))
        }

        func report(_ offer: LeaseOffer) -> TaskReport? {
            guard values.count > 0 else { return nil }
            return TaskReport(
                key: offer.grant.key, ticket: offer.grant.ticket, start: start, values: values, seconds: seconds,
                failures: failures, secondsTotal: secondsTotal, blobs: blobs)
        }
    }
}

/// Seconds with up to six decimals, as JSON: `0`, `0.000012`, `1.5`.
func decimalSeconds(_ time: Duration) -> [UInt8] {
    let microseconds = max(0, time.inNanoseconds) / 1_000
    if microseconds == 0 { return [UInt8(ascii: "0")] }
    var text = Array(String(microseconds / 1_000_000).utf8)
    var fraction = microseconds % 1_000_000
    guard fraction > 0 else { return text }
    var digits = [UInt8](repeating: UInt8(ascii: "0"), count: 6)
    var place = 5
    while fraction > 0 {
        digits[place] = UInt8(ascii: "0") + UInt8(fraction % 10)
        fraction /= 10
        place -= 1
    }
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    text.append(UInt8(ascii: "."))
    return text + digits
}
