from werkzeug.wrappers import Request, Response


def page(simulator, request):
    return Response("soon")
