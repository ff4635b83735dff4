internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterMembership
internal import MusterScheduling
internal import MusterSystem
internal import Synchronization

/// The two hot routes of the road: leases go out, results come back.
extension Coordinator {
    func askForWork(_ request: HTTPRequest) throws -> HTTPOutcome {
        let member = try callers.sender(of: request)
        let asked = try LeaseRequest(body: request.body)
        return .hold { held in
            let id = self.lock.withLock { fleet in
                let id = LeaseCallID(fleet.newNumber())
                let now = SystemTime.now()
                fleet[self.slice].calls[id] = CoordinatorState.HeldCall(
                    held: held, until: now + Duration(seconds: asked.waitSeconds))
                let call = LeaseCall(id: id, member: member, slots: asked.slots, kernels: Set(asked.kernels))
                fleet.handle(.work(.workAsked(call)), now: now)
                return id
            }
            held.onDisconnect { [weak self] in self?.forget(call: id) }
        }
    }

    private func forget(call id: LeaseCallID) {
        lock.withLock { $0[slice].calls[id] = nil }
        lock.handle(.work(.callEnded(id)))
    }

    func deliver(_ request: HTTPRequest) throws -> HTTPOutcome {
        let member = try callers.sender(of: request)
        let isBinary = request.header("content-type") == ReportWire.binaryType
        if request.body.count > Self.bodyBytesOnHTTPThreadMax {
            return .hold { held in
                Task {
                    do throws(Problem) {
                        let reports = try ReportWire.reports(in: request.body, isBinary: isBinary, from: member)
                        self.deliver(reports, from: member, held)
                    } catch {
                        held.respond(.problem(error))
                    }
                }
            }
        }
        let reports = try ReportWire.reports(in: request.body, isBinary: isBinary, from: member)
        return .hold { self.deliver(reports, from: member, $0) }
    }

    private func deliver(_ reports: [TaskReport], from member: MemberID, _ held: HeldRequest) {
        lock.withLock { fleet in
            let id = DeliveryID(fleet.newNumber())
            fleet[slice].deliveries[id] = held
            let name = fleet.core.membership[member]?.record.name ?? "member-\(member)"
            let event = SchedulerEvent.reported(
                id, from: member, worker: name, reports, wallClockMs: SystemTime.wallClockMs())
            fleet.handle(.work(event))
        }
    }
}
