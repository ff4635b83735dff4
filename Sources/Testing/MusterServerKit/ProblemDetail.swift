internal import MusterWire
internal import Testing

/// The detail of a problem, checked to be one with that status.
package func detail(_ response: RawResponse?, is status: Int) throws -> String {
    let response = try #require(response)
    #expect(response.status == status, "\(response.text)")
    #expect(response["content-type"] == Problem.contentType, "\(response.text)")
    var fields = try JSONFields(body: response.body)
    #expect(try fields.int("status", in: 400...599) == response.status)
    #expect(try fields.string("type") != nil)
    #expect(try fields.string("title") == Problem.title(of: response.status))
    return try #require(try fields.string("detail", bytesMax: 1 << 20))
}
