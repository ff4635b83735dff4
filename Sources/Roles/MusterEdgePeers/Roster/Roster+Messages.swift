internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// What edges say to each other to elect a leader, on the wire.
extension Roster {
    // MARK: Out

    /// In line for the other edge; sent at once, unless something is on its way to it.
    func say(_ message: ElectionMessage, to id: EdgeID, _ state: inout RosterState) {
        guard let url = state.places[id], var link = state.links[url] else { return }
        count(message)
        // Who does not listen is told the latest only.
        if message.isSignOfLife { link.waiting.removeAll { $0.kind == message.kind } }
        link.waiting.append(message)
        if link.waiting.count > RosterState.waitingMax { link.waiting.removeFirst() }
        state.links[url] = link
        post(to: url, &state)
    }

    /// An election's, for `/metrics`.
    func count(_ message: ElectionMessage) {
        if !message.isSignOfLife { electionMessages.add(1, ordering: .relaxed) }
    }

    private func post(to url: String, _ state: inout RosterState) {
        guard var link = state.links[url], !link.isBusy else { return }
        link.isBusy = true
        let messages = link.waiting
        link.waiting = []
        state.links[url] = link
        let body = envelope(messages, state).body
        client.send(client.request("POST", url, "/v1/edge/messages", body: body)) { [weak self] result in
            self?.posted(to: url, result)
        }
    }

    func envelope(_ messages: [ElectionMessage], _ state: RosterState) -> EdgeMessages {
        EdgeMessages(sender: state.own, digest: audience.digest, messages: messages, edges: state.introduced)
    }

    private func posted(to url: String, _ result: Result<HTTPClientResponse, HTTPClientError>) {
        state.withLock { state in
            state.links[url]?.isBusy = false
            do throws(PeerFailure) {
                try answered(url, result, &state)
                state.links[url]?.failures = 0
            } catch {
                failed(url, error, &state)
            }
            if state.links[url]?.waiting.isEmpty == false { post(to: url, &state) }
        }
    }

    /// Why an edge could not be told something.
    private enum PeerFailure: Error {
        case unreachable
        case refused(String)
    }

    private func answered(
        _ url: String, _ result: Result<HTTPClientResponse, HTTPClientError>, _ state: inout RosterState
    ) throws(PeerFailure) {
        guard case .success(let response) = result else { throw .unreachable }
        if response.status == 409 { return double.ends(at: url, response, state.own) }
        guard response.status == 200 else { throw .refused("it answered \(response.status)") }
        let envelope: EdgeMessages
        do throws(Problem) {
            envelope = try EdgeMessages(body: response.body)
        } catch {
            throw .refused("its answer cannot be read: \(error.detail)")
        }
        guard meet(envelope, at: url, &state) else { return }
        for message in envelope.messages { handle(.received(message), &state) }
        settle(&state)
    }

    private func failed(_ url: String, _ failure: PeerFailure, _ state: inout RosterState) {
        guard var link = state.links[url] else { return }
        link.failures += 1
        link.waiting = []
        link.nextHello = SystemTime.now() + min(.seconds(2), client.heartbeat * (1 << min(link.failures, 5)))
        if case .refused(let why) = failure, link.failures == 1 {
            Log.error(
                "another edge refuses this one",
                ["url": url, "reason": why, "help": "give all edges the same --token, or one --data folder"])
        }
        let isForgotten = !link.isConfigured && link.id == nil && link.failures >= RosterState.failuresMax
        if link.failures == RosterState.failuresForOtherURL, link.id != nil { state.reconsiderAliases() }
        state.links[url] = isForgotten ? nil : link
        if let id = link.id { handle(.undeliverable(to: id), &state) }
    }

    /// Those who were taken away for good leave the list: neither they nor anything of them is heard any more.
    func forgetAbsent(_ state: inout RosterState, _ now: Moment) {
        state.absences.heard(state.election.livePeers, now)
        let gone = state.absences.gone(among: state.places.keys, now)
        guard !gone.isEmpty else { return }
        for id in gone {
            Log.info("an edge is forgotten: nothing was heard of it for too long", ["id": "\(id)"])
            state.forget(id)
            audience.forgot(id)
        }
        tellPeers(&state)
    }

    /// Who answers there? Asked of all places where that is not known.
    func sayHello(_ state: inout RosterState, _ now: Moment) {
        for (url, link) in state.links where link.id == nil && !link.isOfNoUse && link.nextHello <= now {
            state.links[url]?.nextHello = now + .seconds(1)
            post(to: url, &state)
        }
    }

    // MARK: In

    func receiveMessages(_ request: HTTPRequest) throws -> HTTPOutcome {
        let envelope = try EdgeMessages(body: request.body)
        return try state.withLock { state -> Result<HTTPOutcome, Problem> in
            guard envelope.sender.id != state.own.id else {
                if envelope.sender.instance == state.own.instance {
                    return .success(.respond(.json(self.envelope([], state).body)))
                }
                return .failure(double.refuse(envelope.sender, state.own))
            }
            _ = meet(envelope, at: nil, &state)
            let replies = envelope.messages.flatMap { handle(.received($0), &state, replyingTo: envelope.sender.id) }
            settle(&state)
            return .success(.respond(.json(self.envelope(replies, state).body)))
        }.get()
    }

    /// Learns who it is, and whom it knows. False: it is this edge itself, or known by another URL already. `url`: where it
    /// answered, which counts for more than what it says of itself.
    private func meet(_ envelope: EdgeMessages, at url: String?, _ state: inout RosterState) -> Bool {
        let sender = envelope.sender
        if sender.id == state.own.id {
            if sender.instance != state.own.instance {
                _ = double.refuse(sender, state.own)
            } else if let url {
                state.links[url]?.isSelf = true
            }
            return false
        }
        if let url {
            if let place = state.places[sender.id], place != url, state.links[place]?.failures == 0 {
                // Two names of one edge.
                state.links[url]?.isAlias = true
            } else {
                take(sender.id, at: url, &state)
            }
        } else if state.places[sender.id] == nil {
            // Where another was before, or nobody of use: who is there now is asked.
            state.links[sender.url]?.isAlias = false
            state.remember(sender.url)
        }
        audience.heard(envelope.digest, from: sender.id)
        state.absences.heard([sender.id], SystemTime.now())
        if envelope.messages.contains(where: { $0.kind == .acknowledgement }) { audience.acknowledged(by: sender.id) }
        // Whoever is said to have this one's id is asked, too: it may be another.
        for (id, place) in envelope.edges where state.places[id] == nil { state.remember(place) }
        return state.places[sender.id] != nil
    }

    private func take(_ id: EdgeID, at url: String, _ state: inout RosterState) {
        guard state.places[id] != url || state.links[url]?.id != id else { return }
        if let before = state.links[url]?.id, before != id, state.places[before] == url { state.places[before] = nil }
        state.links[url]?.id = id
        state.places[id] = url
        if !state.hasMet {
            state.hasMet = true
            files.keepHasMet()
        }
        tellPeers(&state)
        if let leader = state.election.leader { attend(to: leader, state) }
    }

    private func tellPeers(_ state: inout RosterState) { handle(.peers(Set(state.places.keys)), &state) }
}
