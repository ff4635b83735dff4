internal import MusterCore

extension Election {
    mutating func receive(_ message: ElectionMessage, _ now: Moment) {
        switch message.kind {
        case .coordinator, .heartbeat: hearLeader(message, now)
        case .election:
            learn(message.term, now)
            if message.from < id { hearElection(message.from, now) }
        case .answer:
            learn(message.term, now)
            if message.from > id { hearAnswer(now) }
        case .acknowledgement:
            learn(message.term, now)
            if isLeader, message.term == term { acknowledged[message.from] = now }
        case .refusal: learn(message.term, now)
        }
    }

    /// Of a newer term than any seen. Who leads, or is about to with an older one, stands down; who follows obeys no more.
    private mutating func learn(_ newer: Term, _ now: Moment) {
        guard newer > term, let holder = newer.holder else { return }
        term = newer
        switch role {
        case .claiming(let own, _) where own > newer: break
        case .claiming, .leading:
            if holder > id { role = .deferring(until: now + settings.leaderWait) } else { fail(now) }
        case .following: role = .deferring(until: now + settings.leaderWait)
        case .idle, .waiting, .asking, .deferring: break
        }
    }

    private mutating func hearLeader(_ message: ElectionMessage, _ now: Moment) {
        let leader = message.from
        guard message.term.holder == leader else { return }
        guard message.term >= term else { return send(.refusal, to: leader) }
        let isNew = message.term > term
        term = message.term
        alive = message.alive.union([leader])
        send(.acknowledgement, to: leader)
        if role.isFollowing(leader) {
            role = .following(leader, heard: now)
        } else if leader > id {
            if case .asking = role, doubted?.leader == leader, message.kind == .heartbeat {
                // It may have been on its way when the connection broke.
                doubted = (leader, true)
            } else {
                follow(leader, now)
            }
        } else {
            outbid(message, isNew: isNew, now)
        }
    }

    /// Somebody below leads, by the newest term: that is for a higher one to end.
    private mutating func outbid(_ message: ElectionMessage, isNew: Bool, _ now: Moment) {
        switch role {
        case .claiming(let own, _) where own > message.term: break
        case .idle, .waiting, .asking, .deferring: break
        case .claiming, .leading, .following: fail(behind: message.alive.count { $0 > id }, now)
        }
    }

    private mutating func hearElection(_ asker: EdgeID, _ now: Moment) {
        if isLeader { return send(.coordinator, to: asker) }
        send(.answer, to: asker)
        if case .following(let leader, let heard) = role, leader == asker || now - heard > settings.fresh {
            lose(leader, linkBroke: false, now)
        }
    }

    private mutating func hearAnswer(_ now: Moment) {
        switch role {
        case .waiting, .asking, .claiming:
            doubted = nil
            role = .deferring(until: now + settings.leaderWait)
        case .idle, .following, .deferring, .leading: break
        }
    }
}
