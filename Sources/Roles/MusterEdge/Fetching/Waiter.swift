internal import MusterHTTP
internal import MusterWire

/// Where a waiting client's request is taken up.
protocol Desk: AnyObject, Sendable {
    /// Sees to it that the waiter is answered.
    func serve(_ waiter: Waiter)
}

/// A client that waits for an answer.
struct Waiter: Sendable {
    var request: EdgeRequest
    let held: HeldRequest
    /// Where it is taken up again.
    let desk: any Desk

    func serve() { desk.serve(self) }

    /// The fetch was not for this one after all.
    func again() {
        var waiter = self
        waiter.request.rounds += 1
        guard waiter.request.rounds <= EdgeRequest.roundsInAllMax else {
            return held.respond(
                .problem(Problem(502, "The upstream's answers contradict each other.", retryAfter: 2)))
        }
        waiter.serve()
    }

    /// Its range does not hold, so that it is for the whole.
    var withoutRange: Waiter { Waiter(request: request.withoutRange, held: held, desk: desk) }
}
