internal import MusterAPI
package import MusterCore
internal import MusterFleetCore
internal import MusterKernels
internal import MusterLog
internal import MusterMembership
package import MusterScheduling
package import MusterServices
internal import MusterStore
internal import MusterSystem
internal import MusterWorker

/// Where volunteers are among themselves and too few to check each other, the coordinator computes again what is to be
/// confirmed: a first volunteer's results would count never, else. One batch at a time, on a thread of its own; a machine
/// that is believed is checked so seldom that it does little.
package final class RefereeService: Service {
    private struct State {
        /// What it computes now.
        var work: (keys: [LeaseKey], cancellation: Cancellation)?
        /// How many votes were judged so far, and since when no more.
        var confirmations = (count: 0, since: SystemTime.now())
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let store: any Store
    private let patience: Duration
    private let threads = ThreadPool(idleMax: 1)

    /// `patience`: where others are there and none of them confirms a volunteer's results for so long, it does.
    package init(_ common: Common, patience: Duration) {
        (lock, store, self.patience) = (common.lock, common.store, patience)
        slice = Slice(State(), of: lock)
    }

    package func close(_ fleet: inout Fleet) { fleet[slice].work?.cancellation.cancel() }

    /// From so many machines on, volunteers check each other: two that disagree have a third.
    private static let machinesEnough = 3

    /// Asks for a batch when there is need, and renews what it holds.
    package func tick(_ now: Moment, _ fleet: inout Fleet) {
        if let work = fleet[slice].work { return fleet.handle(.work(.renewed(.referee, work.keys))) }
        let settled = fleet.core.scheduler.counters.confirmed + fleet.core.scheduler.counters.refuted
        let wants = fleet.core.scheduler.wantsConfirmation
        if !wants || settled != fleet[slice].confirmations.count { fleet[slice].confirmations = (settled, now) }
        guard wants, areAlone(fleet.core) || now - fleet[slice].confirmations.since > patience
        else {
            return
        }
        let voter = Voter(machine: MachineID("coordinator"), isVolunteer: false)
        fleet.handle(.work(.memberKnown(.referee, voter)))
        let id = LeaseCallID(fleet.newNumber())
        let call = LeaseCall(
            id: id, member: .referee, free: .oneCPU, kernels: Set(KernelTable.names), confirmsOnly: true)
        fleet.handle(.work(.workAsked(call)))
        fleet.handle(.work(.callEnded(id)))
    }

    private func areAlone(_ fleet: FleetCore) -> Bool {
        var machines: Set<MachineID> = []
        for worker in fleet.membership.liveWorkers where !fleet.scheduler.isBarred(worker.id) {
            guard worker.isVolunteer else { return false }
            machines.insert(worker.voter.circle)
        }
        return machines.count < Self.machinesEnough
    }

    /// Its call was granted this.
    package func judge(_ grants: [Grant], _ fleet: inout Fleet) {
        let cancellation = Cancellation()
        fleet[slice].work = (grants.map(\.key), cancellation)
        Task { [weak self] in await self?.compute(grants, cancellation) }
    }

    private func compute(_ grants: [Grant], _ cancellation: Cancellation) async {
        var offers: [LeaseOffer] = []
        do {
            for grant in grants {
                let inputs = grant.hasInputs ? try await store.inputs(of: grant.key) : nil
                offers.append(LeaseOffer(grant: grant, inputs: inputs))
            }
        } catch {
            Log.error("inputs cannot be read", ["error": "\(error)"])
            return endJudging(grants.map(\.key))
        }
        let code = threads.run { [weak self, offers] in
            for offer in offers {
                let run = BatchRun(offer: offer, cancellation: cancellation, means: TaskMeans()) { [weak self] in
                    self?.deliver($0)
                }
                if let last = run.run().last { self?.deliver(last) }
            }
            self?.endJudging(grants.map(\.key))
        }
        if code != 0 { endJudging(grants.map(\.key)) }
    }

    private func deliver(_ report: TaskReport) {
        lock.withLock { fleet in
            let event = SchedulerEvent.reported(
                DeliveryID(fleet.newNumber()), from: .referee, worker: "coordinator", [report],
                wallClockMs: SystemTime.wallClockMs())
            fleet.handle(.work(event))
        }
    }

    /// What it did not report goes back; the next batch follows at once.
    private func endJudging(_ keys: [LeaseKey]) {
        lock.withLock { fleet in
            fleet[slice].work = nil
            fleet.handle(.work(.grantUndelivered(keys)))
            tick(SystemTime.now(), &fleet)
        }
    }
}
