"""A server and a client of gRPC. Prints the port, waits for a line, makes its calls, and prints one line of JSON for each."""
import json
import sys
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import struct_pb2, wrappers_pb2

SERVICE = 'live.v1.Echo'
STREAMS = ('Split', 'Chat')
Text, Struct = wrappers_pb2.StringValue, struct_pb2.Struct


def unary(request, context):
    text = request.value
    if text.startswith('fail'):
        context.set_trailing_metadata((('x-reason', 'asked for'), ('x-bytes-bin', b'\x00\x01')))
        context.abort(grpc.StatusCode.NOT_FOUND, 'no %s, grüße 100%%' % text)
    if text == 'slow':
        time.sleep(2)
    context.set_trailing_metadata((('x-cost', '7'),))
    return Text(value=text.upper())


def split(request, context):
    for word in request.value.split(' '):
        yield Text(value=word)


def join(requests, context):
    return Text(value=' '.join(each.value for each in requests))


def chat(requests, context):
    for each in requests:
        yield Text(value='re: ' + each.value)


def describe(request, context):
    return request


def handlers():
    def kind(make, function, message=Text):
        return make(function, message.FromString, lambda each: each.SerializeToString())

    return grpc.method_handlers_generic_handler(SERVICE, {
        'Unary': kind(grpc.unary_unary_rpc_method_handler, unary),
        'Split': kind(grpc.unary_stream_rpc_method_handler, split),
        'Join': kind(grpc.stream_unary_rpc_method_handler, join),
        'Chat': kind(grpc.stream_stream_rpc_method_handler, chat),
        'Describe': kind(grpc.unary_unary_rpc_method_handler, describe, Struct),
    })


def told(method, sent, call):
    """What came of a call, as the client knows it."""
    got = []
    try:
        for each in (call if method in STREAMS else [call.result()]):
            got.append(each.value)
    except (grpc.RpcError, grpc.FutureCancelledError):
        pass
    status = call.code().value[0]
    print(json.dumps({'method': method, 'sent': sent, 'received': got, 'status': status, 'message': call.details()}), flush=True)


def calls(port):
    channel = grpc.insecure_channel('127.0.0.1:%d' % port, options=(('grpc.max_receive_message_length', 1 << 24),))

    def method(make, name, message=Text):
        return make('/%s/%s' % (SERVICE, name), lambda each: each.SerializeToString(), message.FromString)

    one = method(channel.unary_unary, 'Unary')
    for text in ['a', '', 'x' * 200_000, 'grüße', 'fail']:
        told('Unary', [text], one.future(Text(value=text), metadata=(('x-id', '1'), ('x-raw-bin', b'\xff\x00'))))
    told('Unary', ['z' * 5000], one.future(Text(value='z' * 5000), compression=grpc.Compression.Gzip))
    told('Unary', ['z' * 5000], one.future(Text(value='z' * 5000), compression=grpc.Compression.Deflate))
    told('Split', ['one two three'], method(channel.unary_stream, 'Split')(Text(value='one two three')))
    words = ['to', 'get', 'her']
    told('Join', words, method(channel.stream_unary, 'Join').future(iter([Text(value=each) for each in words])))
    told('Chat', words, method(channel.stream_stream, 'Chat')(iter([Text(value=each) for each in words])))
    told('None', ['a'], method(channel.unary_unary, 'None').future(Text(value='a')))
    deep = Struct()
    deep.update({'n': 1.5, 'list': [1, 'two', None], 'more': {'yes': True}})
    describe = method(channel.unary_unary, 'Describe', Struct)
    describe(deep)
    print(json.dumps({'method': 'Describe', 'sent': [None], 'received': [None], 'status': 0, 'message': ''}), flush=True)
    many = [one.future(Text(value=str(n))) for n in range(50)]
    for n, call in enumerate(many):
        told('Unary', [str(n)], call)
    told('Unary', ['slow'], one.future(Text(value='slow'), timeout=0.3))
    cancelled = one.future(Text(value='slow'))
    threading.Timer(0.3, cancelled.cancel).start()
    try:
        cancelled.result()
    except grpc.FutureCancelledError:
        told('Unary', ['slow'], cancelled)
    channel.close()


server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), compression=grpc.Compression.NoCompression)
server.add_generic_rpc_handlers((handlers(),))
port = server.add_insecure_port('127.0.0.1:0')
server.start()
print(port, flush=True)
sys.stdin.readline()
calls(port)
server.stop(1).wait()
