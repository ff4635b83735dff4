internal import CMicroHTTP
internal import Glibc
internal import MusterWire
internal import Synchronization

/// A connection that goes over to another protocol (RFC 9110, 7.8): behind the 101 its bytes are somebody else's.
package struct HTTPUpgrade: Sendable {
    /// What is handed over: a descriptor to read and write, what came behind the request already, and what is to be called once when
    /// nobody uses the descriptor any more.
    package struct Line: Sendable {
        package let descriptor: Int32
        package let early: [UInt8]
        /// With TLS: by which to write. The descriptor takes bytes, too, and very slowly; whoever uses one of both keeps to it.
        package let out: Out?
        package let release: @Sendable () -> Void
    }

    /// Bytes that leave over TLS. For one thread at a time; nothing waits.
    package struct Out: Sendable {
        /// The system's word on when there is room again; nothing else is done with it.
        package let descriptor: Int32
        /// How many bytes were taken; -1: the connection is broken.
        package let send: @Sendable (UnsafeRawBufferPointer) -> Int
        /// 1: all that was taken is sent; 0: there is no room for the rest; -1: the connection is broken.
        package let flush: @Sendable () -> Int
    }

    let name: String
    let take: @Sendable (Line) -> Void

    /// `name` is the other protocol's. `take` is called once, on the HTTP thread, when the 101 is sent; not at all where the client went
    /// before.
    package init(to name: String, take: @escaping @Sendable (Line) -> Void) { (self.name, self.take) = (name, take) }

    /// RFC 9110, 7.8: an Upgrade in HTTP/1.0 means nothing.
    var refusalOfOldVersion: HTTPResponse {
        var response = HTTPResponse.problem(Problem(426, "Only HTTP/1.1 can be upgraded."))
        response.headers.append(("Upgrade", name))
        return response
    }
}

extension HTTPResponse {
    var upgrade: HTTPUpgrade? { if case .upgrade(let upgrade) = body { upgrade } else { nil } }
}

/// What libmicrohttpd hands a connection to. Kept by its exchange.
final class UpgradeTaker: Sendable {
    private let upgrade: HTTPUpgrade
    private let core: ServerCore
    private let peer: HTTPPeer

    init(_ upgrade: HTTPUpgrade, _ core: ServerCore, _ peer: HTTPPeer) {
        (self.upgrade, self.core, self.peer) = (upgrade, core, peer)
    }

    func makeResponse() -> OpaquePointer? {
        MHD_create_response_for_upgrade(
            { taker, connection, _, early, earlyCount, socket, handle in
                let bytes = early.map { Array(UnsafeRawBufferPointer(start: $0, count: earlyCount)) } ?? []
                Unmanaged<UpgradeTaker>.fromOpaque(taker!).takeUnretainedValue()
                    .take(socket, bytes, connection!, handle!)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func take(_ socket: Int32, _ early: [UInt8], _ connection: OpaquePointer, _ handle: OpaquePointer) {
        core.isTLS ? takeTLS(socket, early, connection, handle) : takePlain(socket, early, handle)
    }

    /// libmicrohttpd looks at each connection that it has lent whenever one of them wakes up, so it has to forget this one: a descriptor of
    /// our own keeps it open.
    private func takePlain(_ socket: Int32, _ early: [UInt8], _ handle: OpaquePointer) {
        let own = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return muster_mhd_end_upgrade(handle) }
        peer.isLent.store(true, ordering: .relaxed)
        muster_mhd_end_upgrade(handle)
        upgrade.take(
            .init(descriptor: own, early: early, out: nil) { [core, peer] in
                close(own)
                core.admission.withLock { $0.left(peer.network) }
            })
    }

    /// It stays libmicrohttpd's, which passes on what comes.
    private func takeTLS(_ socket: Int32, _ early: [UInt8], _ connection: OpaquePointer, _ handle: OpaquePointer) {
        let room = fcntl(muster_mhd_socket(connection), F_DUPFD_CLOEXEC, 0)
        guard room >= 0 else { return muster_mhd_end_upgrade(handle) }
        let session = TLSOut(muster_tls_out_of(connection))
        let handle = UpgradeHandle(pointer: handle)
        let out = HTTPUpgrade.Out(
            descriptor: room,
            send: { [peer] bytes in
                peer.isFreed.withLock { $0 ? -1 : muster_tls_send(&session.raw, bytes.baseAddress, bytes.count) }
            },
            flush: { [peer] in peer.isFreed.withLock { $0 ? -1 : Int(muster_tls_flush(&session.raw)) } })
        upgrade.take(
            .init(descriptor: socket, early: early, out: out) { [peer] in
                peer.isFreed.withLock { isFreed in
                    if isFreed { return }
                    // What is on its way still goes, to a client that takes it.
                    muster_bound_sending(room, 5_000)
                    muster_mhd_end_upgrade(handle.pointer)
                }
                close(room)
            })
    }
}

/// `@unchecked Sendable`: libmicrohttpd's function may be called on any thread, once.
private struct UpgradeHandle: @unchecked Sendable {
    let pointer: OpaquePointer
}

/// `@unchecked Sendable`: whoever reaches it has the lock of `HTTPPeer.isFreed`.
private final class TLSOut: @unchecked Sendable {
    var raw: muster_tls_out
    init(_ raw: muster_tls_out) { self.raw = raw }
}
