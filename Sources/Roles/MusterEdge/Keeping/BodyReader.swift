internal import MusterHTTP

/// One client's place in a body that is on its way in, for as long as its answer runs: what the body does not keep, it holds for
/// those who have not had it yet.
final class BodyReader: HTTPBodySource {
    private let body: GrowingBody
    private let number: Int

    init(_ body: GrowingBody, number: Int) { (self.body, self.number) = (body, number) }

    deinit { body.leave(number) }

    func clientGone() { body.leave(number) }

    func read(
        into room: UnsafeMutableRawBufferPointer, at offset: UInt64, sleeper: HTTPSleeper
    ) -> HTTPBodyPortion {
        body.read(number, into: room, at: Int(offset), sleeper)
    }
}
