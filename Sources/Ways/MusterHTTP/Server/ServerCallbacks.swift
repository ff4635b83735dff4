internal import CMicroHTTP
internal import HTTPText
internal import Synchronization

/// libmicrohttpd's callbacks: C on the outside, `ServerCore` and `Exchange` on the inside. All run on the HTTP thread.

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
    let letsIn = core.admission.withLock { $0.letsIn(NetworkKey(number: muster_network_key(address))) }
    if !letsIn { core.refused.add(1, ordering: .relaxed) }
    return letsIn ? .YES : .NO
}

let onAccess: MHD_AccessHandlerCallback = { context, connection, _, method, version, upload, uploadCount, request in
    guard let connection, let method, let uploadCount, let started = request?.pointee else { return .NO }
    let exchange = Unmanaged<Exchange>.fromOpaque(started).takeUnretainedValue()
    if let access = exchange.access, !exchange.hasHead { access.headIsIn(method, version) }
    return core(context).access(exchange, connection, method, upload, uploadCount) ? .YES : .NO
}

let onCompleted: MHD_RequestCompletedCallback = { context, connection, request, code in
    guard let started = request?.pointee else { return }
    request?.pointee = nil
    let exchange = Unmanaged<Exchange>.fromOpaque(started).takeRetainedValue()
    if exchange.hasHead, let connection { ServerCore.peer(of: connection).watched?.requestIsOver() }
    if let access = exchange.access, let connection, let log = core(context).accessLog {
        let peer = ServerCore.peer(of: connection)
        let line = access.line(peer, muster_mhd_socket(connection), isWhole: code.rawValue == 0)
        let isQuiet = exchange.route?.isSignOfLife == true
        if let line, !isQuiet || line.status >= 400 { log.write(line) }
    }
    exchange.finish()
    core(context).underWay.subtract(1, ordering: .relaxed)
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
