internal import MusterCore
internal import MusterElection
internal import MusterSimulation

extension EdgeReplica {
    /// As a client asks: the leader, wherever it is, has all purge.
    func purgeEverywhere(_ image: Int64) {
        guard let leader = node.leader else { return }
        if leader == id { return purgeAsLeader(image) }
        node.post(to: leader) { $0.replica.purgeAsLeader(image) }
    }

    private func purgeAsLeader(_ image: Int64) {
        guard node.leader == id else { return }
        let purge = log.number(
            .image(image), term: node.term, nowMs: UInt64(clock.now.nanoseconds / 1_000_000))
        world.copies.issued(purge, image, by: self)
        forget(image)
        _ = log.merge([purge], forgotten: nil)
        keepLog { [self] in
            world.copies.confirmed(purge, by: id)
            for peer in world.known.sorted() where peer != id { sendPurge(purge, to: peer) }
        }
    }

    private func sendPurge(_ purge: Purge, to peer: EdgeID) {
        let leader = id
        node.post(to: peer) { follower in
            let confirm = { follower.post(to: leader) { $0.world.copies.confirmed(purge, by: peer) } }
            _ = follower.replica.receiveOrder(of: leader, purge.term) { replica in
                if replica.world.bug == .confirmsEarly { confirm() }
                replica.obey([purge], forgotten: nil, confirm)
            }
        }
    }

    /// Purges what was not purged yet; durable, and gone, when `done` is called.
    func obey(_ purges: [Purge], forgotten: Purge?, _ done: @escaping () -> Void) {
        let perform = { [self] in
            for purge in log.merge(purges, forgotten: forgotten) {
                if case .image(let image) = purge.pattern { forget(image) }
            }
            keepLog(done)
            seeToTouch()
        }
        if world.bug == .confirmsEarly { node.after(.milliseconds(20), perform) } else { perform() }
    }

    private func exchange(with leader: EdgeID) {
        guard !isExchanging else { return }
        isExchanging = true
        var isOver = false
        let (asker, life, own) = (id, node.life, log)
        let end = { [self] in
            guard !isOver, node.life == life else { return }
            isOver = true
            isExchanging = false
            if digests[leader] == digest { seeToTouch() }
        }
        node.post(to: leader) { other in
            other.replica.obey(own.purges, forgotten: own.forgotten) {
                let theirs = other.replica.log
                other.post(to: asker) { taker in
                    guard taker.life == life else { return }
                    taker.replica.obey(theirs.purges, forgotten: theirs.forgotten) {
                        taker.replica.digests[leader] = theirs.digest
                        end()
                    }
                }
            }
        }
        node.after(.milliseconds(2_000), end)
    }

    /// Whether what is held is known not to have been purged while this edge was away.
    func seeToTouch() {
        guard let leader = node.leader else { return }
        let own = digest
        if leader != id {
            guard let digest = digests[leader] else { return }
            if digest != own { return exchange(with: leader) }
        } else {
            guard clock.now - leaderSince > .milliseconds(300), node.livePeers.allSatisfy({ digests[$0] == own })
            else { return }
        }
        isInTouch = true
    }
}
