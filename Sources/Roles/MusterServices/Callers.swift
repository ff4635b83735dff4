package import MusterCore
internal import MusterFleetCore
package import MusterHTTP
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
package import MusterWire

/// Whom a request speaks for.
package struct Callers: Sendable {
    private let lock: FleetLock
    private let authenticator: Authenticator

    package init(_ common: Common) { (lock, authenticator) = (common.lock, common.authenticator) }

    /// The member that a request speaks for. Strangers (unknown, or removed meanwhile) are told to join again.
    package func sender(of request: HTTPRequest) throws(Problem) -> MemberID {
        guard case .member(let id) = authenticator.principal(of: request) else {
            throw Problem(403, "Only a member can do this, with the secret that its joining answered.", code: "rights")
        }
        let isKnown = lock.withLock { fleet in
            guard fleet.core.membership.contains(id) else { return false }
            fleet.handle(.membership(.seen(id)))
            return true
        }
        guard isKnown else { throw Self.stranger(id) }
        return id
    }

    private static func stranger(_ id: MemberID) -> Problem {
        Problem(401, "Member \(id) is not in the fleet any more; join again.", code: "stranger")
    }

    /// What a secret is good for is asked before a body is taken, which may be large. Throws a `Problem`.
    package func requirePresent(_ request: HTTPRequest) throws(Problem) {
        guard let access = authenticator.access(of: request), [.member, .send, .child].contains(access) else { return }
        switch authenticator.principal(of: request) {
        case .member(let id):
            if access == .member, request.parameters["id"] != nil {
                let named = MemberID(try request.number("id", of: "member"))
                guard named == id else { throw Self.another(id, named) }
            }
            guard lock.withLock({ $0.core.membership.contains(id) }) else { throw Self.stranger(id) }
        case .child(let id): try Self.requireOwn(id, request)
        default: break
        }
    }

    private static func another(_ id: MemberID, _ named: MemberID) -> Problem {
        Problem(403, "Member \(id) cannot speak for member \(named).", code: "rights")
    }

    /// The same, where the path names the member too.
    package func sender(named request: HTTPRequest) throws(Problem) -> MemberID {
        let named = MemberID(try request.number("id", of: "member"))
        let id = try sender(of: request)
        guard id == named else { throw Self.another(id, named) }
        return id
    }

    /// Whether this child is the one that the path names.
    package static func requireOwn(_ child: ChildID, _ request: HTTPRequest) throws(Problem) {
        let named = ChildID(try request.number("id", of: "child"))
        guard child == named else { throw notTheChild(named) }
    }

    package static func notTheChild(_ id: ChildID) -> Problem {
        Problem(403, "Only child \(id) itself delivers its numbers.", code: "rights")
    }
}
