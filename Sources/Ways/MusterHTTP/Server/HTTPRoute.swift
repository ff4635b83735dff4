internal import MusterWire

/// How a handler answers.
package enum HTTPOutcome: Sendable {
    /// At once, on the HTTP thread.
    case respond(HTTPResponse)
    /// Later: the connection is held, and the closure (called on the HTTP thread) sees to it that somebody answers.
    case hold(@Sendable (HeldRequest) -> Void)
    /// By a task. A thrown `Problem` is the answer, any other error a 500. Cancelled when the client goes away.
    case task(@Sendable () async throws -> HTTPResponse)
}

/// A method and a path pattern with what answers them. `{name}` in the pattern stands for one segment; the last one may
/// have an ending, as in `{name}.png`.
package struct HTTPRoute: Sendable {
    enum Action: Sendable {
        case prepared(PreparedBody)
        case whole(@Sendable (HTTPRequest) throws -> HTTPOutcome)
        case streamed(@Sendable (HTTPRequest, HTTPBodyReader) async throws -> HTTPResponse)
    }
    package let method: String
    package let pattern: String
    package let access: String
    /// Larger bodies are refused with 413, where the length is declared before they are read.
    package let bodyBytesMax: Int
    /// The body is a form, and the handler gets its fields.
    package private(set) var readsForm = false
    let action: Action
    /// Asked of a client that waits for a word before it sends its body (`Expect: 100-continue`): an answer, after which it sends
    /// none; nil: it may send. Throws a `Problem` to refuse. Called on the HTTP thread.
    private(set) var early: (@Sendable (HTTPRequest) throws -> HTTPResponse?)?
    /// The fleet's own signs of life, several a second: in the access log only where they are refused.
    private(set) var isSignOfLife = false

    /// The body is read whole before the handler is called.
    package init(
        _ method: String, _ pattern: String, bodyBytesMax: Int = 0, access: String = "", readsForm: Bool = false,
        handler: @escaping @Sendable (HTTPRequest) throws -> HTTPOutcome
    ) {
        self.init(method, pattern, bodyBytesMax, access, .whole(handler))
        self.readsForm = readsForm
    }

    /// The handler is called when the headers are in and reads the body itself. What it leaves unread is discarded.
    package init(
        _ method: String, _ pattern: String, streamedBodyBytesMax: Int, access: String = "",
        early: (@Sendable (HTTPRequest) throws -> HTTPResponse?)? = nil,
        handler: @escaping @Sendable (HTTPRequest, HTTPBodyReader) async throws -> HTTPResponse
    ) {
        self.init(method, pattern, streamedBodyBytesMax, access, .streamed(handler))
        self.early = early
    }

    /// Always the same answer, to anybody, whatever the query: the fastest there is.
    package init(_ method: String, _ pattern: String, access: String = "", prepared: PreparedBody) {
        self.init(method, pattern, 0, access, .prepared(prepared))
    }

    /// The same route, whose requests are signs of life.
    package var asSignOfLife: HTTPRoute {
        var route = self
        route.isSignOfLife = true
        return route
    }

    private init(_ method: String, _ pattern: String, _ bodyBytesMax: Int, _ access: String, _ action: Action) {
        self.method = method
        self.pattern = pattern
        self.bodyBytesMax = bodyBytesMax
        self.access = access
        self.action = action
    }
}

/// Finds the route of a request: a tree of segments, literal ones before parameters.
struct Router: Sendable {
    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var parameter: Int?
        var routes: [(route: HTTPRoute, names: [String], suffix: String)] = []
    }
    private var nodes = [Node()]
    /// Prepared answers by raw target, for `GET`.
    private(set) var prepared: [String: PreparedBody] = [:]

    init(_ routes: [HTTPRoute]) {
        for route in routes { add(route) }
    }

    private mutating func add(_ route: HTTPRoute) {
        if case .prepared(let body) = route.action, route.method == "GET" { prepared[route.pattern] = body }
        var place = 0
        var names: [String] = []
        var suffix = ""
        for segment in route.pattern.split(separator: "/").map(String.init) {
            let isParameter = segment.hasPrefix("{")
            if isParameter { names.append(String(segment.dropFirst().prefix { $0 != "}" })) }
            suffix = isParameter ? String(segment.drop { $0 != "}" }.dropFirst()) : ""
            let known = isParameter ? nodes[place].parameter : nodes[place].literals[segment]
            let next = known ?? nodes.count
            if known == nil {
                nodes.append(Node())
                if isParameter { nodes[place].parameter = next } else { nodes[place].literals[segment] = next }
            }
            place = next
        }
        precondition(
            !nodes[place].routes.contains { $0.route.method == route.method },
            "two routes for \(route.method) \(route.pattern)")
        nodes[place].routes.append((route, names, suffix))
    }

    /// Throws 404 for an unknown path, 405 for a known one with another method.
    func find(_ method: String, _ path: [String]) throws(RouteMiss) -> (route: HTTPRoute, parameters: [String: String])
    {
        var place = 0
        var values: [String] = []
        for segment in path {
            if let next = nodes[place].literals[segment] {
                place = next
            } else if let next = nodes[place].parameter {
                place = next
                values.append(segment)
            } else {
                throw .unknownPath
            }
        }
        let last = path.last ?? ""
        let known = nodes[place].routes.filter { last.hasSuffix($0.suffix) }
        if known.isEmpty { throw .unknownPath }
        let wanted = method == "HEAD" && !known.contains { $0.route.method == "HEAD" } ? "GET" : method
        guard let found = known.first(where: { $0.route.method == wanted }) else {
            throw .otherMethods(known.map(\.route.method).sorted())
        }
        if !found.suffix.isEmpty { values[values.count - 1].removeLast(found.suffix.count) }
        let parameters = Dictionary(zip(found.names, values), uniquingKeysWith: { first, _ in first })
        return (found.route, parameters)
    }
}

enum RouteMiss: Error {
    case unknownPath
    case otherMethods([String])

    /// The answer: 404, or 405 with `Allow`.
    func response(_ method: String, _ target: String) -> HTTPResponse {
        let path = target.prefix { $0 != "?" }.prefix(200)
        switch self {
        case .unknownPath:
            return .problem(Problem(404, "There is no \(path) here; /openapi.json lists what there is."))
        case .otherMethods(let methods):
            let allowed = methods + (methods.contains("GET") ? ["HEAD"] : [])
            var response = HTTPResponse.problem(
                Problem(405, "\(method.prefix(40)) is not for \(path); allowed: \(allowed.joined(separator: ", "))."))
            response.headers.append(("Allow", allowed.joined(separator: ", ")))
            return response
        }
    }
}
