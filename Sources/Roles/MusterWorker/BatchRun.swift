package import MusterAPI
package import MusterCore
internal import MusterJSON
package import MusterKernels
package import MusterScheduling
internal import MusterSystem
internal import MusterWire

/// Computes one batch, task by task, on a thread of its own.
package struct BatchRun: Sendable {
    /// A report leaves after so much time or so many bytes, so that a long batch loses little with its worker.
    private static let partTime: Duration = .seconds(1)
    private static let partBytesMax = 4 << 20
    /// When what is left takes no longer, by the mean of what is done, the batch is nearly finished: about twice the time
    /// of an exchange with a coordinator nearby.
    private static let endNanoseconds = 3e6

    let offer: LeaseOffer
    /// What the batch has of its worker while it runs.
    package let share: BatchShare
    let cancellation: Cancellation
    let means: TaskMeans
    /// For whoever looks at it from outside.
    package let progress: BatchProgress
    /// Takes each report but the last; the last is returned.
    let emitPart: @Sendable (TaskReport) -> Void
    /// Called at most once, before the last task.
    let announceEnd: @Sendable () -> Void

    package init(
        offer: LeaseOffer, share: BatchShare = BatchShare(slots: [1]), cancellation: Cancellation, means: TaskMeans,
        emitPart: @escaping @Sendable (TaskReport) -> Void, announceEnd: @escaping @Sendable () -> Void = {}
    ) {
        (self.offer, self.share) = (offer, share)
        self.cancellation = cancellation
        self.means = means
        let isTransient = offer.grant.isTransient
        progress = BatchProgress(
            offer.grant.key, isBinary: isTransient,
            isWatched: !isTransient && !KernelTable.isCopied(offer.grant.kernel))
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
        let courier = kernel.deliveries
        progress.deliveries = courier
        kernel.prepare(offer.inputs, first: key.first)
        let isTransient = offer.grant.isTransient
        var partBegan = SystemTime.now()
        let began = partBegan
        var taskBegan = partBegan
        var isEnding = false
        let inputs = offer.inputs?.lines
        let timeout = offer.grant.timeoutSeconds
        let (slot, gpus) = (share.slots.first ?? 1, share.gpus)
        let amounts = offer.grant.needs?.amounts ?? .oneCPU
        let timer = type(of: kernel).timesItself ? nil : timeout.map { TaskTimer(seconds: $0, cancellation) }
        while let task = progress.next(at: taskBegan) {
            if cancellation.isCancelled { return (part(next: task), false) }
            let input = inputs.map { JSONValue(line: $0[task - key.first]) }
            let outcome: Result<[UInt8], TaskFailure>
            do throws(TaskFailure) {
                var task = KernelTask(index: task, attempt: key.attempt, input: input)
                (task.job, task.slot, task.timeoutSeconds) = (key.job.rawValue, slot, timeout)
                (task.gpus, task.cpus, task.memoryBytes) = (gpus, amounts.cpus, amounts.memory)
                let bytesMax = isTransient ? Limits.blobBytesMax : Limits.valueBytesMax
                let value = try Self.compute(task, by: kernel, isTransient: isTransient, within: timer, cancellation)
                if value.count > bytesMax {
                    throw TaskFailure("its value has \(value.count) bytes; at most \(bytesMax)")
                }
                outcome = .success(value)
            } catch {
                if cancellation.isCancelled { return (part(next: task), false) }
                // What keeps it from this task keeps it from the others, too.
                if error.isOwnFault { return (handedBack(from: task, error), true) }
                outcome = .failure(error)
            }
            let now = SystemTime.now()
            let carried = courier?.timeTaken() ?? .zero
            let (bytes, left) = progress.add(outcome, of: task, time: now - taskBegan - carried)
            taskBegan = now
            let isLast = left == 0
            if !isEnding, !isLast, Self.isNearlyOver(done: task - key.first + 1, left: left, began, now) {
                isEnding = true
                announceEnd()
            }
            if !isLast, bytes > Self.partBytesMax || now - partBegan > Self.partTime {
                if let part = part(next: task + 1) { emitPart(part) }
                partBegan = now
            }
        }
        return (part(next: key.tasks.upperBound), true)
    }

    /// What is done and not reported; what follows begins with `next`.
    private func part(next: Int) -> TaskReport? { progress.takePart(next: next).flatMap(report) }

    /// What its tasks left is where it belongs before anybody hears of them.
    func report(_ part: BatchPart) -> TaskReport? {
        guard let deliveries = progress.deliveries else { return part.report(offer) }
        var part = part
        part.fail(deliveries.deliver(part.start..<part.start + part.count, cancellation))
        return part.report(offer)
    }

    /// Nothing but what a task needs goes along: a closure over the whole run would copy it for each.
    private static func compute(
        _ task: KernelTask, by kernel: any Kernel, isTransient: Bool, within timer: TaskTimer?, _ batch: Cancellation
    ) throws(TaskFailure) -> [UInt8] {
        guard let timer else {
            return try isTransient ? kernel.runTransient(task, batch) : kernel.run(task, batch)
        }
        return try timer.run { cancellation throws(TaskFailure) in
            try isTransient ? kernel.runTransient(task, cancellation) : kernel.run(task, cancellation)
        }
    }

    private static func isNearlyOver(done: Int, left: Int, _ began: Moment, _ now: Moment) -> Bool {
        // Beside the shortest tasks a duration's arithmetic, of 128 bits, would be felt.
        Double(now.nanoseconds - began.nanoseconds) * Double(left) <= endNanoseconds * Double(done)
    }

    private func failed(_ key: LeaseKey, _ reason: String) -> TaskReport {
        handedBack(from: key.first, TaskFailure(reason, isOwnFault: true))
    }

    /// Nothing more of the batch is tried here.
    private func handedBack(from first: Int, _ fault: TaskFailure) -> TaskReport {
        var part = progress.takePart(next: first) ?? BatchPart(start: first, isBinary: offer.grant.isTransient)
        for task in first..<progress.end {
            part.add(failure: task == first ? fault : TaskFailure("as task \(first)", isOwnFault: true), of: task)
            part.add(time: .zero)
        }
        return report(part)!
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
