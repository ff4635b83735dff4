/// Takes an answer piece by piece, on the client's thread: all other exchanges of that client wait as long as a call lasts. So it is not for
/// a client by which somebody shows that it lives.
package protocol BodyReceiver: AnyObject, Sendable {
    /// Once, when status and headers are in. False: give up.
    func begin(status: Int, headers: [(name: String, value: String)]) -> Bool
    /// The next bytes, at most the request's `receiveBytes`, which are there as long as the call lasts. False: give up.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool
}
