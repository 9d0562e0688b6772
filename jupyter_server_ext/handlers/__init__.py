"""The endpoints, all under `tokenwidgets/` of the server's base URL."""

from __future__ import annotations

from typing import Any


def routes() -> list[tuple[str, Any]]:
    """URL patterns and their handlers; the extension app puts the base URL before them."""
    from .assets import AssetHandler
    from .call import CallHandler
    from .catalogue import CapabilitiesHandler, HostsHandler, ModelsHandler
    from .gateway import ChatHandler, GatewayModelHandler, GatewayModelsHandler, UnservedHandler
    from .gateway_messages import CountTokensHandler, MessagesHandler
    from .gateway_realtime import CallsHandler, ClientSecretsHandler, HangupHandler, RealtimeHandler
    from .gateway_responses import ResponsesHandler
    from .mic import MicHandler
    from .rtc import RtcHandler
    from .socket import SocketHandler
    from .streams import ClockHandler, EventsHandler, InputHandler, ReplayHandler, StreamHandler, StreamsHandler, WireHandler

    stream = r"/tokenwidgets/streams/(?P<stream_id>[\w-]+)"
    return [
        (r"/tokenwidgets/streams/?", StreamsHandler),
        (stream, StreamHandler),
        (stream + "/events", EventsHandler),
        (stream + "/wire", WireHandler),
        (stream + "/clock", ClockHandler),
        (stream + "/input", InputHandler),
        (stream + "/call", CallHandler),
        (stream + "/replay", ReplayHandler),
        (r"/tokenwidgets/socket", SocketHandler),
        (r"/tokenwidgets/rtc", RtcHandler),
        (r"/tokenwidgets/mic", MicHandler),
        (r"/tokenwidgets/models", ModelsHandler),
        (r"/tokenwidgets/hosts", HostsHandler),
        (r"/tokenwidgets/capabilities", CapabilitiesHandler),
        (r"/tokenwidgets/assets/(?P<name>[\w-]+)\.js", AssetHandler),
        (r"/tokenwidgets/v1/models", GatewayModelsHandler),
        (r"/tokenwidgets/v1/models/(?P<model>.+)", GatewayModelHandler),
        (r"/tokenwidgets/v1/chat/completions", ChatHandler),
        (r"/tokenwidgets/v1/messages", MessagesHandler),
        (r"/tokenwidgets/v1/messages/count_tokens", CountTokensHandler),
        (r"/tokenwidgets/v1/responses", ResponsesHandler),
        (r"/tokenwidgets/v1/realtime", RealtimeHandler),
        (r"/tokenwidgets/v1/realtime/client_secrets", ClientSecretsHandler),
        (r"/tokenwidgets/v1/realtime/calls", CallsHandler),
        (r"/tokenwidgets/v1/realtime/calls/(?P<call>[\w-]+)/hangup", HangupHandler),
        (r"/tokenwidgets/v1/(?P<path>.*)", UnservedHandler),
    ]
