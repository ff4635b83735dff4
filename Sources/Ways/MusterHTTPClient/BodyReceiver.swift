/// Takes an answer piece by piece, on the client's thread: other exchanges of that client wait as long as a call lasts, so whoever writes
/// to a disk in it has a client of its own.
package protocol BodyReceiver: AnyObject, Sendable {
    /// Once, when status and headers are in. False: give up.
    func begin(status: Int, headers: [(name: String, value: String)]) -> Bool
    /// The next bytes, at most the request's `receiveBytes`, which are there as long as the call lasts. False: give up.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool
}
