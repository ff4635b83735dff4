internal import HTTPText

/// A whole response: status, headers and body. Trailers are read and dropped.
package struct HTTPClientResponse: Sendable {
    /// 200 to 999: interim responses (1xx) are passed over.
    package let status: Int
    /// As sent, in the order of arrival, names in the sender's spelling.
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]

    /// The first header of that name, whatever its case. Nil: there is none.
    package func header(_ name: String) -> String? { headers.first(named: name) }
}
