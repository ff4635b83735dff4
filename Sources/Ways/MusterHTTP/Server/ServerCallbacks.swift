internal import CMicroHTTP
internal import Glibc
internal import HTTPText
internal import MusterWire
internal import Synchronization

/// libmicrohttpd's callbacks: C on the outside, `ServerCore` and `Exchange` on the inside. All run on the thread of the connection's daemon.

private func core(_ context: UnsafeMutableRawPointer?) -> ServerCore {
    Unmanaged<ServerCore>.fromOpaque(context!).takeUnretainedValue()
}

/// The request line is in: the exchange begins. It is retained until `onCompleted`.
let onTarget:
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
        context, target, _ in
        let core = core(context)
        core.requests.add(1, ordering: .relaxed)
        core.underWay.add(1, ordering: .relaxed)
        let exchange = Exchange(core, target: WireText.text(cString: target!))
        if core.accessLog != nil { exchange.access = AccessNote(target: exchange.target) }
        return Unmanaged.passRetained(exchange).toOpaque()
    }

/// False cuts a connection before anything is made of it.
let onArrival: MHD_AcceptPolicyCallback = { context, address, _ in
    guard let address else { return .YES }
    let core = core(context)
    guard let limit = core.admission.withLock({ $0.cut(NetworkKey(number: muster_network_key(address))) }) else {
        return .YES
    }
    core.refused.add(1, ordering: .relaxed)
    core.limitsMet.note(limit, "A connection was cut without an answer: far too many are open.")
    return .NO
}

let onAccess: MHD_AccessHandlerCallback = { context, connection, _, method, version, upload, uploadCount, request in
    guard let connection, let method, let uploadCount, let started = request?.pointee else { return .NO }
    let exchange = Unmanaged<Exchange>.fromOpaque(started).takeUnretainedValue()
    if !exchange.hasHead { exchange.isOfOldVersion = version.map { strcmp($0, "HTTP/1.1") < 0 } ?? false }
    if let access = exchange.access, !exchange.hasHead { access.headIsIn(method, version) }
    return core(context).access(exchange, connection, method, upload, uploadCount) ? .YES : .NO
}

let onCompleted: MHD_RequestCompletedCallback = { context, connection, request, code in
    guard let started = request?.pointee else { return }
    request?.pointee = nil
    let exchange = Unmanaged<Exchange>.fromOpaque(started).takeRetainedValue()
    // libmicrohttpd answers by itself where a head has no room, and asks nobody.
    if !exchange.hasHead, let connection, [414, 431].contains(muster_mhd_status(connection)) {
        let bytesMax = core(context).limits.connectionBytesMax
        core(context).limitsMet.note(.requestHead, "Request line and headers have no room in \(bytesMax) bytes.")
    }
    if exchange.hasHead, let connection { ServerCore.peer(of: connection).watched?.requestIsOver() }
    if let access = exchange.access, let connection, let log = core(context).accessLog {
        let peer = ServerCore.peer(of: connection)
        let line = access.line(peer, muster_mhd_socket(connection), isWhole: code.rawValue == 0)
        let isQuiet = exchange.route?.isSignOfLife == true
        if let line, !isQuiet || line.status >= 400 { log.write(line) }
    }
    // Not COMPLETED_OK: it was broken off.
    let isClosed = code.rawValue != 0 || exchange.endsWithConnection
    exchange.finish()
    core(context).underWay.subtract(1, ordering: .relaxed)
    if isClosed, let connection { core(context).reminder.closes(connection) }
}

let onConnection: MHD_NotifyConnectionCallback = { context, connection, peer, code in
    guard let connection, let peer else { return }
    if code.rawValue == 0 {
        let arrived = core(context).makePeer(of: connection)
        if arrived.refusal != nil { muster_mhd_set_idle(connection, Admission.surplusSeconds) }
        peer.pointee = Unmanaged.passRetained(arrived).toOpaque()
    } else {
        if let kept = peer.pointee { core(context).forget(Unmanaged<HTTPPeer>.fromOpaque(kept).takeRetainedValue()) }
        peer.pointee = nil
    }
}
