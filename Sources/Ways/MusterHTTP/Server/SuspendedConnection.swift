internal import CMicroHTTP

/// A connection between `suspend` and `resume`.
///
/// `@unchecked Sendable`: libmicrohttpd resumes on any thread, under its own lock; the pointer is valid until then,
/// because a suspended connection is never closed.
struct SuspendedConnection: @unchecked Sendable {
    private let connection: OpaquePointer

    /// On the HTTP thread only.
    static func suspend(_ connection: OpaquePointer) -> SuspendedConnection {
        MHD_suspend_connection(connection)
        return SuspendedConnection(connection: connection)
    }

    /// Once.
    func resume() { MHD_resume_connection(connection) }
}

/// A pointer that is used on the HTTP thread only, inside a lock's closure.
///
/// `@unchecked Sendable`: it never leaves the callback that made it; the lock's closure runs on the same thread.
struct OnHTTPThread<Pointer>: @unchecked Sendable {
    let pointer: Pointer
}
