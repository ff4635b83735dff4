internal import MusterAPI
package import MusterCore
internal import MusterRoutes

/// Who the sender of a request has shown itself to be.
package enum Principal: Hashable, Sendable {
    case admin, join, read
    /// Who holds a volunteer's token of this number: may join as a worker, no more.
    case volunteer(Int64)
    case member(MemberID)
    case child(ChildID)

    /// Whether that is enough for a route. Admin is enough wherever read or join is.
    func may(_ access: RouteAccess, route: String) -> Bool {
        switch (access, self) {
        case (.open, _), (_, .admin), (.read, .read), (.picture, .read), (.image, .read), (.image, .join),
            (.file, .read), (.file, .join), (.join, .join),
            (.member, .member), (.child, .child), (.send, .member):
            true
        case (.join, .volunteer): [RouteName.joinFleet.rawValue, RouteName.ownToken.rawValue].contains(route)
        default: false
        }
    }
}

/// What a request shows of its sender.
enum Credential: Hashable, Sendable {
    /// Nothing; an `Authorization` without a token in it is nothing, too.
    case none
    /// Something that is nobody's.
    case unknown
    case token(Principal)
    /// A browser's cookie, which says nothing of the page that asks.
    case session(Principal)
}
