internal import CCurl
internal import Glibc
internal import HTTPText

extension EasyHandle {
    /// Sets everything that one transfer needs. Throws when its upload cannot be read.
    func prepare(_ transfer: Transfer, _ configuration: HTTPClient.Configuration) throws(HTTPClientError) {
        let request = transfer.request
        transfer.mayConnect = configuration.mayConnect
        callbacks(for: transfer)
        set(CURLOPT_URL, request.url)
        // libcurl would escape bytes that are not ASCII in a path: an upstream may tell both spellings apart.
        if let target = URLText.targetWithOtherBytes(of: request.url) { set(CURLOPT_REQUEST_TARGET, target) }
        // `a/../b` is the server's to read: a cache that asked for `b` would store the answer under the other's name.
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_TCP_KEEPIDLE, 30)
        set(CURLOPT_TCP_KEEPINTVL, 10)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_USERAGENT, configuration.userAgent)
        set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds: request.connectTimeout)
        if let timeout = request.timeout { set(CURLOPT_TIMEOUT_MS, milliseconds: timeout) }
        if let bytes = request.receiveBytes { set(CURLOPT_BUFFERSIZE, bytes) }
        if let target = request.target { set(CURLOPT_REQUEST_TARGET, target) }
        // libcurl's own minute is a minute without whoever came back at another address.
        set(CURLOPT_DNS_CACHE_TIMEOUT, Int(request.namesLast.components.seconds))
        if let path = request.unixSocket { set(CURLOPT_UNIX_SOCKET_PATH, path) }
        if !request.mayUseProxy(configuration) { set(CURLOPT_PROXY, "") }
        if request.connectsOnly { set(CURLOPT_CONNECT_ONLY, 1) }
        prepareTLS(configuration)
        try prepareBody(transfer)
        prepareHeaders(transfer)
    }

    private func prepareTLS(_ configuration: HTTPClient.Configuration) {
        if let file = configuration.tlsCAFile { set(CURLOPT_CAINFO, file) }
        guard configuration.tlsInsecure else { return }
        set(CURLOPT_SSL_VERIFYPEER, 0)
        set(CURLOPT_SSL_VERIFYHOST, 0)
    }

    private func prepareBody(_ transfer: Transfer) throws(HTTPClientError) {
        let request = transfer.request
        if let upload = request.upload {
            let source = try upload.open(for: transfer)
            transfer.upload = source
            uploadCallbacks(for: transfer)
            set(CURLOPT_UPLOAD, 1)
            if let length = source.length { set(CURLOPT_INFILESIZE_LARGE, bytes: length) }
        } else if let body = request.bodyToSend {
            prepare(body, transfer)
        } else if request.method == "HEAD" {
            set(CURLOPT_NOBODY, 1)
        } else {
            set(CURLOPT_HTTPGET, 1)
        }
        // Last: the options above each choose a method of their own. HEAD must stay libcurl's, which then awaits no body.
        if request.method != "HEAD" { set(CURLOPT_CUSTOMREQUEST, request.method) }
    }

    /// A short body is copied into the handle, which sends it together with the headers; a long one is read from the request.
    private func prepare(_ body: [UInt8], _ transfer: Transfer) {
        set(CURLOPT_POST, 1)
        set(CURLOPT_POSTFIELDSIZE_LARGE, bytes: body.count)
        guard body.count > 64 << 10 else {
            var empty: UInt8 = 0
            // Never the null pointer of an empty array: that would mean "ask the read callback".
            body.withUnsafeBytes { bytes in
                withUnsafeMutableBytes(of: &empty) { spare in
                    set(
                        CURLOPT_COPYPOSTFIELDS,
                        UnsafeMutableRawPointer(mutating: bytes.baseAddress ?? UnsafeRawPointer(spare.baseAddress!)))
                }
            }
            return
        }
        transfer.upload = BytesUpload(body)
        uploadCallbacks(for: transfer)
    }

    private func prepareHeaders(_ transfer: Transfer) {
        let request = transfer.request
        var list: UnsafeMutablePointer<curl_slist>?
        for header in request.headers {
            // libcurl's spelling of a header without a value; with a colon it would leave the header out.
            let isEmpty = header.value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 }
            list = WireText.withCString(isEmpty ? "\(header.name);" : "\(header.name): \(header.value)") {
                curl_slist_append(list, $0)
            }
        }
        if request.bodyToSend != nil, request.headers.first(named: "Content-Type") == nil {
            // libcurl would call every body a form.
            list = curl_slist_append(list, "Content-Type:")
        }
        // Without a value libcurl leaves it out.
        if !request.asksToSend { list = curl_slist_append(list, "Expect:") }
        transfer.headerList = list
        if list != nil { muster_curl_set_headers(pointer, list) }
    }
}

extension HTTPClientRequest {
    func mayUseProxy(_ configuration: HTTPClient.Configuration) -> Bool {
        configuration.usesProxies && unixSocket == nil && !isLoopback
    }

    /// Methods that carry a body by their nature send an empty one, with its length, where there is none.
    fileprivate var bodyToSend: [UInt8]? {
        body ?? (upload == nil && ["POST", "PUT", "PATCH"].contains(method) ? [] : nil)
    }
}

extension EasyHandle {
    /// What libcurl's code means for this transfer.
    func failure(
        of transfer: Transfer, _ code: CURLcode, _ configuration: HTTPClient.Configuration
    ) -> HTTPClientError {
        let isProxied = transfer.request.mayUseProxy(configuration)
        return HTTPClientError(
            code, message(of: code), request: transfer.request,
            proxy: isProxied ? EnvironmentProxy(for: transfer.request, EnvironmentProxy.variable) : nil)
    }
}

extension HTTPClientError {
    init(_ code: CURLcode, _ what: String, request: HTTPClientRequest, proxy: EnvironmentProxy?) {
        let mapped: Code =
            switch code {
            case CURLE_URL_MALFORMAT: .badURL
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .resolve
            case CURLE_COULDNT_CONNECT: .connect
            case CURLE_OPERATION_TIMEDOUT: .timeout
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_SHUTDOWN_FAILED,
                CURLE_SSL_INVALIDCERTSTATUS:
                .tls
            // The scheme was checked before: an unsupported protocol is an answer that is not HTTP/1.
            case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_WEIRD_SERVER_REPLY,
                CURLE_SEND_FAIL_REWIND, CURLE_BAD_CONTENT_ENCODING, CURLE_UNSUPPORTED_PROTOCOL:
                .broken
            default: .other
            }
        self.init(mapped, "\(what) (libcurl \(code.rawValue))", request: request, proxy: proxy)
    }
}
