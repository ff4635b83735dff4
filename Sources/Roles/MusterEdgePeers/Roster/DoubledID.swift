internal import MusterAPI
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterRole
internal import MusterWire

/// Two edges of one id: the one that began later has to go; both say so.
struct DoubledID: Sendable {
    /// This edge cannot go on.
    let fail: @Sendable (NodeError) -> Void

    func refuse(_ other: EdgeIdentity, _ own: EdgeIdentity) -> Problem {
        let isMine = (own.startedMs, own.instance) < (other.startedMs, other.instance)
        let problem = Problem(
            409, "Edge \(own.id) is at \(own.url) already, and at \(other.url): each edge needs an --id of its own.",
            code: isMine ? "same-id" : "yields")
        if isMine {
            Log.error("another edge has this one's id, and is refused", ["id": "\(own.id)", "url": other.url])
        } else {
            fail(NodeError(.setup, problem.detail))
        }
        return problem
    }

    /// The other said so. Its code tells which of the two goes.
    func ends(at url: String, _ response: HTTPClientResponse, _ own: EdgeIdentity) {
        let problem = Problem(asFarAsRead: response.body)
        if problem.type == "/problems/same-id" {
            fail(NodeError(.setup, problem.detail(or: "Edge \(own.id) is at \(url) already.")))
        } else {
            Log.error("another edge has this one's id, and ends", ["id": "\(own.id)", "url": url])
        }
    }
}
