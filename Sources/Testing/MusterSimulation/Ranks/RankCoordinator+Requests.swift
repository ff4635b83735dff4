internal import MusterCore
internal import MusterFleetCore
internal import MusterMembership

enum RankRequest {
    /// The callback is a client's number, or empty.
    case join(MemberID?, name: String, incarnation: String, callback: String)
    case openConnection(MemberID, RankConnection, seen: CommandID)
    case heartbeat(MemberID, acknowledged: CommandID)
    /// Nil: the operator.
    case send(MemberID?, String)
    case leave(MemberID)
}

enum RankReply {
    case joined(MemberID)
    case accepted
    case fine
    /// The member is not known (any more).
    case stranger
}

/// What members ask, each answered when it is durable.
extension RankCoordinator {
    func receive(_ request: RankRequest, _ reply: @escaping (RankReply) -> Void) {
        let sender: MemberID? =
            switch request {
            case .openConnection(let id, _, _), .heartbeat(let id, _): id
            default: nil
            }
        whenAwake(sender) { [self] in answer(request, reply) }
    }

    private func answer(_ request: RankRequest, _ reply: @escaping (RankReply) -> Void) {
        switch request {
        case .join(let id, let name, let incarnation, let callback): join(id, name, incarnation, callback, reply)
        case .openConnection(let id, let connection, let seen): reply(open(id, connection, seen))
        case .heartbeat(let id, let acknowledged):
            guard isKnown(id) else { return reply(.stranger) }
            if world.bug == .acknowledgesBeyond {
                let all = CommandID(lastIDs.command)
                handle(.command(.connected(id, seen: acknowledged.rawValue > 0 ? all : acknowledged)))
            } else {
                handle(.command(.acknowledged(id, through: acknowledged)))
            }
            reply(.fine)
        case .send(let id, let text):
            if let id, !isKnown(id) { return reply(.stranger) }
            accept(text, from: id) { reply(.accepted) }
        case .leave(let id):
            handle(.membership(.left(id)))
            reply(.fine)
        }
    }

    private func isKnown(_ id: MemberID) -> Bool {
        handle(.membership(.seen(id)))
        return fleet!.membership[id] != nil
    }

    private func join(
        _ identity: MemberID?, _ name: String, _ incarnation: String, _ callback: String,
        _ reply: @escaping (RankReply) -> Void
    ) {
        let process = joining[incarnation] ?? fleet!.membership.member(incarnation: incarnation)?.record.id
        var id = identity ?? process
        if id == nil {
            lastIDs.member += 1
            id = MemberID(lastIDs.member)
        }
        let known = fleet!.membership[id!]?.record
        if known == nil { lastIDs.joinOrder += 1 }
        joining[incarnation] = id
        let record = MemberRecord(
            id: id!, name: name, role: .client, joinOrder: known?.joinOrder ?? lastIDs.joinOrder, address: "", slots: 1,
            labels: [:], version: "", joinedMs: 0, incarnation: incarnation, callback: callback)
        commit([.saveMember(record)]) { [self] in
            joining[incarnation] = nil
            world.checker.joined(record)
            handle(.membership(.joined(record)))
            reply(.joined(record.id))
        }
    }

    private func open(_ id: MemberID, _ connection: RankConnection, _ seen: CommandID) -> RankReply {
        guard isKnown(id) else { return .stranger }
        if let older = connections.updateValue(connection, forKey: id) { close(older) }
        handle(.membership(.connectionOpened(id, connection: connection.number)))
        let last: CommandID =
            switch world.bug {
            case .forgetsReplay: CommandID(.max)
            case .repeats: CommandID(0)
            default: seen
            }
        handle(.command(.connected(id, seen: last)))
        return .fine
    }

    private func accept(_ text: String, from sender: MemberID?, _ reply: @escaping () -> Void) {
        lastIDs.command += 1
        let membership = fleet!.membership
        let record = CommandRecord(
            id: CommandID(lastIDs.command), sender: sender, senderName: "",
            rank: sender.flatMap { membership.rank(of: $0) }, view: membership.view, text: text,
            recipients: membership.recipients(of: world.bug == .deliversToAll ? nil : sender), createdMs: 0)
        world.checker.accepted(text, from: sender)
        if world.bug == .answersEarly { reply() }
        guard world.bug != .deliversEarly else {
            world.store.commit([.saveCommand(record)])
            return handle(.command(.sent([record])))
        }
        commit([.saveCommand(record)]) { [self] in
            handle(.command(.sent([record])))
            reply()
        }
    }
}
