internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterKernels
internal import MusterMembership
internal import MusterScheduling
internal import MusterServices

/// Workers that are launched once work waits for them.
protocol ComingWorkers: Sendable {
    /// Whether one of them could run such tasks.
    func couldRun(_ kernel: String, _ needs: Needs, _ fleet: borrowing Fleet) -> Bool
    /// Why there are as many as there are; nil: nobody launches any by itself.
    var reason: String? { get }
}

/// What keeps all workers from a job, in words.
enum JobObstacles {
    /// Nil: nothing that is known.
    static func now(to job: JobRecord, _ coming: (any ComingWorkers)?, _ fleet: borrowing Fleet) -> String? {
        if !fleet.core.membership.hasLiveWorker {
            return coming?.reason.map { "no worker is there yet: \($0)" }
                ?? "there is no worker; start one: muster worker --join URL"
        }
        return inability(for: job.kernel, fleet) ?? fleet.core.lack(of: job, amongThoseWith: label(for: job.kernel))
    }

    /// Why no worker that has joined could ever run it; nil: some could.
    static func ever(to job: JobRequest, _ coming: (any ComingWorkers)?, _ fleet: borrowing Fleet) -> String? {
        if coming?.couldRun(job.kernel, job.needs ?? Needs(), fleet) == true { return nil }
        if !fleet.core.membership.hasLiveWorker { return "there is no worker" }
        return inability(for: job.kernel, fleet)
            ?? job.needs.flatMap { fleet.core.scheduler.lack(of: $0, amongThoseWith: label(for: job.kernel)) }
    }

    /// That only workers with a certain label can run such tasks, and none has it.
    private static func inability(for kernel: String, _ fleet: borrowing Fleet) -> String? {
        guard let label = label(for: kernel),
            !fleet.core.membership.liveWorkers.contains(where: { $0.labels[label] != nil })
        else { return nil }
        return label == ExecLabel.key
            ? "no worker allows commands (--allow-exec); start one: muster worker --join URL --allow-exec"
            : "no worker has a container engine; start one on a machine that has: muster worker --join URL --docker-socket PATH"
    }

    /// Of workers that can run such tasks; nil: all can.
    private static func label(for kernel: String) -> String? {
        switch kernel {
        case ContainerKernel.name: ContainerEngineLabel.key
        case ExecKernel.name: ExecLabel.key
        default: nil
        }
    }
}
